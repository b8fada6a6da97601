import re
exec(open('/tmp/w/me/ren.py').read().split('names=set()')[0])
special.update({'FAILED_STARTS':'maxFailedStarts','MAX_DELIVERY_ATTEMPTS':'largestDeliveryAttempts','MIN_DELIVERY_ATTEMPTS':'smallestDeliveryAttempts','UNIT_MS':'msPerUnit'})
statuses={'NOT_FOUND','INVALID_ARGUMENT','INTERNAL','ALREADY_EXISTS','UNIMPLEMENTED','FAILED_PRECONDITION','PERMISSION_DENIED'}
decl={}
for f in files:
    for m in re.finditer(r'^(\s*)(export )?const ([A-Z][A-Z0-9_]+)\b',open(f).read(),re.M):
        decl.setdefault(m[3],[]).append((f,bool(m[2])))
for f in files:
    s=open(f).read(); o=s
    for n,ds in decl.items():
        here=[d for d in ds if d[0]==f]
        imported=any(e for _,e in ds) and re.search(r'import[^;]*\b'+n+r'\b[^;]*from',s)
        if not here and not imported: continue
        new='projectPattern' if f.endswith('resourceNames.ts') and n=='PROJECT' else camel(n)
        if re.search(r'\b'+new+r'\b',s): print('collision',f,n,new)
        s=re.sub(r"(?:(?<![\w.'\"`])|(?<=\.\.\.))"+n+r"(?![\w'\"])",new,s)
    if s!=o: open(f,'w').write(s)
