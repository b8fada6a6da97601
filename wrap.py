import re,glob,sys
W=120
def wrap(words,first,rest,last=''):
    lines=[];cur=first
    for w in words:
        sep='' if cur in(first,rest) and cur.endswith(' ') else ' '
        if len(cur)+len(sep)+len(w)>W and cur.strip() not in('/**','*','//'):
            lines.append(cur);cur=rest+w
        else: cur+=sep+w
    if last:
        if len(cur)+1+len(last)>W: lines.append(cur);cur=rest.rstrip()[:-1]+last if False else rest.rstrip()+' '+last
        else: cur+=' '+last
    lines.append(cur);return lines
files=sum((glob.glob(p,recursive=True) for p in ['local/servers/pubsub/**/*.ts','local/runtime/**/*.ts','local/*.ts','test/local/runtime/**/*.ts','test/local/servers/pubsub/**/*.ts']),[])
for f in files:
    L=open(f).read().split('\n');out=[];i=0;ch=False
    while i<len(L):
        l=L[i]
        m=re.match(r'^(\s*)/\*\*',l)
        if m:
            j=i
            while '*/' not in L[j]: j+=1
            blk=L[i:j+1]
            if any(len(x)>W for x in blk):
                ind=m[1];text=[]
                paras=[[]]
                for x in blk:
                    t=re.sub(r'^\s*/?\*+ ?','',x) if not x.strip()=='*/' else ''
                    t=t.replace('*/','').strip() if x is blk[-1] else t.strip()
                    if t=='' : 
                        if paras[-1]: paras.append([])
                    elif t.startswith('@'): paras.append(t.split())
                    else: paras[-1]+=t.split()
                paras=[p for p in paras if p]
                for k,p in enumerate(paras):
                    fst=ind+'/** ' if k==0 else ind+' *  '
                    if k>0 and not p[0].startswith('@'): out.append(ind+' *')
                    out+=wrap(p,fst,ind+' *  ','*/' if k==len(paras)-1 else '')
                ch=True
            else: out+=blk
            i=j+1;continue
        m=re.match(r'^(\s*)// ',l)
        if m:
            j=i
            while j+1<len(L) and re.match('^'+m[1]+'// ',L[j+1]): j+=1
            blk=L[i:j+1]
            if any(len(x)>W for x in blk):
                words=sum((x.strip()[3:].split() for x in blk),[])
                out+=wrap(words,m[1]+'// ',m[1]+'// ');ch=True
            else: out+=blk
            i=j+1;continue
        out.append(l);i+=1
    if ch: open(f,'w').write('\n'.join(out))
