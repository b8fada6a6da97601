/** A request that the server refuses, as Cloud Storage would:
 *  https://cloud.google.com/storage/docs/json_api/v1/status-codes */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }

  /** The body of the answer. */
  toJson(): object {
    const { status: code, message, reason } = this;
    return { error: { code, message, errors: [{ domain: 'global', reason, message }] } };
  }
}

export const notFound = (message: string) => new Refusal(404, 'notFound', message);
export const invalid = (message: string) => new Refusal(400, 'invalid', message);
/** What this server has no counterpart for. */
export const unsupported = (what: string) => new Refusal(501, 'notImplemented', `${what} is not supported here`);
