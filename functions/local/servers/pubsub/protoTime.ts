/** `google.protobuf.Duration` and `google.protobuf.Timestamp` as the protobuf loader gives them. */
export interface ProtoTime {
  readonly seconds: number;
  readonly nanos: number;
}

const nanosPerMs = 1_000_000;

export function toMs(time: ProtoTime): number {
  return time.seconds * 1000 + time.nanos / nanosPerMs;
}

export function fromMs(ms: number): ProtoTime {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * nanosPerMs) };
}
