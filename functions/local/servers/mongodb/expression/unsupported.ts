/** Expressions of a real server that this one refuses by name. */
const unsupported: ReadonlySet<string> = new Set(
  [
    '$accumulator $binarySize $bsonSize $firstN $function $indexOfArray $indexOfBytes $indexOfCP $lastN $maxN $median',
    '$meta $minN $percentile $regexFind $regexFindAll $sampleRate $sigmoid $sortArray $stdDevPop $stdDevSamp $toHashedIndexKey $toUUID $tsIncrement',
    '$tsSecond $zip',
  ].flatMap((names) => names.split(' ')),
);

export const isUnsupportedExpression = (operator: string) => unsupported.has(operator);
