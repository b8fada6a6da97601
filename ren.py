import re,glob,sys
files=[f for p in ['local/servers/pubsub/**/*.ts','local/runtime/**/*.ts','test/local/servers/pubsub/**/*.ts','test/local/runtime/**/*.ts'] for f in glob.glob(p,recursive=True)]
special={'PROJECT':'projectId','ID':'idPattern','NAME':'namePattern','WORD':'wordPattern','STRING':'stringPattern','SYMBOL':'symbolPattern','SPACE':'spacePattern','BRACES':'bracesPattern','REFERENCE':'referencePattern','INTERVAL':'intervalPattern','DAYS':'daysPattern','SECOND':'secondMs','BUNDLE':'bundlePath','START':'startMs','INTERNAL':'internal','SELF':'runtimeName','HOP_BY_HOP':'hopByHopHeaders','NOT_FOUND':'notFound','INVALID_ARGUMENT':'invalidArgument','ACKNOWLEDGING':'acknowledgingStatuses','INHERITED':'inheritedVariables','CHANGEABLE':'changeableFields','BUILT_IN':'builtInParams','SUPERVISOR':'supervisorPath','MESSAGE':'sampleMessage'}
def camel(n):
    if n in special: return special[n]
    p=n.lower().split('_'); r=p[0]+''.join(x.capitalize() for x in p[1:])
    r=re.sub(r'S$','Seconds',r) if n.endswith('_S') else r
    return r
names=set()
for f in files:
    for m in re.finditer(r'^\s*(?:export )?const ([A-Z][A-Z0-9_]+)\b',open(f).read(),re.M): names.add(m[1])
for f in files:
    s=open(f).read(); o=s
    for n in names:
        if f.endswith('resourceNames.ts') and n=='PROJECT': new='projectPattern'
        else: new=camel(n)
        # not after a dot, quote, or as env
        s=re.sub(r"(?<![\w.'\"`])(?<!process\.env\.)"+n+r"(?![\w'\"])(?!:)",new,s)
    if s!=o: open(f,'w').write(s)
