import { createORPCClient, ORPCError, type Client } from "@orpc/client";
import { RPCLink } from "@orpc/client/fetch";
import { ApiError, issuesOf, NETWORK_ERROR } from "./api-error";
import type { Contract, Procedure } from "./generated/contract";

type Trace = { correlationId?: string };
/** `keepalive`: the call goes on when the page is closed meanwhile; for small inputs. */
type CallContext = { trace?: Trace; keepalive?: boolean };

/** The contract as functions. A procedure that changes on the server changes here, and the build says where it matters. */
type ClientOf<T> = { [K in keyof T]: T[K] extends Procedure<infer I, infer O> ? Client<CallContext, I, O, ApiError> : ClientOf<T[K]> };

type MembersOf<P> = P extends Procedure<infer I, infer O> ? Procedure<I, O> : never;

export type Area = keyof Contract;
export type ProcedureOf<A extends Area> = keyof Contract[A] & string;
export type Input<A extends Area, P extends ProcedureOf<A>> = MembersOf<Contract[A][P]>["input"];
export type Output<A extends Area, P extends ProcedureOf<A>> = MembersOf<Contract[A][P]>["output"];

const link = new RPCLink<CallContext>({
  url: () => `${window.location.origin}/api`,
  fetch: (request, init, { context }) => fetch(request, { ...init, credentials: "include", keepalive: context.keepalive === true }),
  // The outer one gives the call a place to note the answer's id, the inner one sees the answer's head and fills it in.
  interceptors: [
    async (options) => {
      const trace: Trace = {};
      try {
        return await options.next({ ...options, context: { ...options.context, trace } });
      } catch (error) {
        throw apiErrorOf(error, trace.correlationId);
      }
    },
  ],
  clientInterceptors: [
    async (options) => {
      const answer = await options.next();
      const id = answer.headers["x-correlation-id"];
      const { trace } = options.context;
      if (trace && typeof id === "string") trace.correlationId = id;
      return answer;
    },
  ],
});

export const client: ClientOf<Contract> = createORPCClient(link);

function apiErrorOf(error: unknown, correlationId: string | undefined): unknown {
  if (isRefusal(error)) {
    const { code, status, message, data } = error;
    return new ApiError({ code, status, message, correlationId, issues: issuesOf(data) });
  }
  // fetch reports every broken connection as a TypeError; an aborted call is the caller's own doing and passes through.
  if (error instanceof TypeError) return new ApiError({ code: NETWORK_ERROR, status: 0, message: error.message, correlationId });
  return error;
}

function isRefusal(error: unknown): error is ORPCError<string, unknown> {
  return error instanceof ORPCError;
}
