// Types of wssgate.js. docs/browser.md explains how to use it, and when not to.

/** Where the program is. */
export interface LoadOptions {
	/** Of wssgate.wasm. By default it stands beside the module. */
	wasm?: string | URL;
}

/**
 * Fetches and starts the program, once for the page. login does that too; a page
 * that calls it earlier has the program ready when the user has typed the password.
 *
 * @throws {InternalError} if it cannot be fetched or run. It can be tried again.
 */
export function load(options?: LoadOptions): Promise<void>;

export interface LoginOptions {
	/** The relay to the KDCs: wss://gw.example.com/kerberos5, or https://gw.example.com/KdcProxy. */
	relay: string;
	/** The user's realm: EXAMPLE.COM. Upper and lower case count. */
	realm: string;
	/** The user's name without realm: alice. */
	user: string;
	/** It is used for the login, and not kept. */
	password: string;
	/**
	 * Allows a page, a relay and services without TLS. On the loopback interface
	 * they are always allowed.
	 */
	allowHTTP?: boolean;
	/** Ends the login. It is then rejected with the signal's reason. */
	signal?: AbortSignal | null;
}

/**
 * Logs a user in at the KDC of a realm.
 *
 * @throws {LoginError} if the KDC does not let the user in: wrong password, unknown
 * name, locked account.
 * @throws {KDCError} if the relay or the KDC does not answer, or what it answers is
 * not the answer.
 * @throws {ArgumentError} if the options make no sense.
 */
export function login(options: LoginOptions): Promise<Session>;
export default login;

/** Names of policies. */
export type Policy =
	| 'Kerberos' | 'KerberosOverTransport' | 'KerberosToken'
	| 'SspiNegotiated' | 'SspiNegotiatedOverTransport'
	| 'SecureConversation' | 'wsHttpBinding' | 'ws2007HttpBinding';

export interface SoapOptions {
	/** What the service asks of a message. By default Kerberos: the token profile, signed and encrypted. */
	policy?: Policy;
	/** The service's Kerberos principal. By default HTTP/ and the host of the URL. */
	service?: string;
	/** The action, for HTTP and WS-Addressing. */
	action?: string;
	/** The version of SOAP of an envelope that is made. By default 1.1. */
	version?: '1.1' | '1.2';
	/** The version of WS-Addressing that is added. By default 1.0 if there is an action, else none. */
	addressing?: 'none' | '1.0' | '2004/08';
	/** The version of WS-Trust for policies that negotiate. By default 2005/02. */
	trust?: '1.3' | '2005/02';
	/** Negotiates with a service that does not prove that both sides have seen the same messages, as CXF's. */
	noAuthenticator?: boolean;
	/** For the call, in milliseconds. By default 30000. */
	timeout?: number;
	/** Ends the call. It is then rejected with the signal's reason. */
	signal?: AbortSignal | null;
}

/** What a SOAP service has answered, verified and decrypted. */
export interface SoapReply {
	/** An envelope. It is null when the service has taken a one-way message. */
	readonly message: string | null;
	/** Of HTTP. Nothing protects it. */
	readonly status: number;
}

/** A line of what is known of the tickets, and what belongs to it. Names are the KDC's: show them as text, not as HTML. */
export interface TicketNode {
	readonly name: string;
	readonly value?: string;
	/** What it means, if that is not plain. */
	readonly note?: string;
	readonly text?: string;
	/** What is wrong with it. */
	readonly problem?: string;
	readonly children?: readonly TicketNode[];
}

/** A user who has logged in. It is made by login. */
export class Session {
	private constructor();
	/** The principal: alice@EXAMPLE.COM. */
	readonly user: string;
	/** When the user has to log in again, unless the ticket is renewed before. */
	readonly expires: Date;
	/** Milliseconds by which the KDC's clock is ahead of this machine's. 0 if they are near enough. */
	readonly clockOffset: number;

	/**
	 * Is fetch, as the user: it answers a service that asks by "Negotiate" or
	 * "Application Negotiate", and then rejects unless the service proves who it is
	 * or reports an error (status 400 and above). What a service answers that has
	 * not asked proves nothing. A redirection is an error. The init is that of
	 * fetch, without an Authorization header; a request with a token is always
	 * made with cache: 'no-store'.
	 *
	 * @throws {ServiceError} if there is no response, or the service proves nothing.
	 */
	fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

	/**
	 * Protects a SOAP message as a policy asks, sends it, and verifies and decrypts
	 * the reply. The body is an envelope, or the one element that stands in its Body.
	 *
	 * @throws {FaultError} if the service answers with a fault that verifies.
	 * @throws {ServiceError} if there is no reply, or it does not verify.
	 */
	soap(url: string | URL, body: string, options?: SoapOptions): Promise<SoapReply>;

	/** The tickets, for people to look at. No key is in it. */
	tickets(): Promise<TicketNode>;

	/**
	 * Wipes the keys of the tickets and forgets them. What is called later, and what is under
	 * way, rejects with a SessionError. A second logout does nothing.
	 */
	logout(): Promise<void>;
}

/** What went wrong. Its text may have names of others in it: show it as text, not as HTML. */
export class WssgateError extends Error {
	protected constructor();
	/** Of the catalogue, docs/errors.md: 'preauthentication-failed'. It is stable. */
	readonly code: string;
	/** What has happened in general, in one sentence. */
	readonly reason: string;
	/** What to do about it. */
	readonly cure: string;
	/** Of HTTP; 0 if there is none. */
	readonly status: number;
}

/** A call makes no sense, or is without TLS. */
export class ArgumentError extends WssgateError {}
/** The KDC does not let the user in, or does not any more. */
export class LoginError extends WssgateError {}
/** The relay or the KDC does not answer, or its answer is refused. */
export class KDCError extends WssgateError {}
/** A service does not answer, refuses, or its answer is refused. */
export class ServiceError extends WssgateError {}
/** A SOAP service has answered with a fault, which was verified like any reply. */
export class FaultError extends ServiceError {
	readonly fault: {readonly code: string; readonly reason: string};
}
/** The user has logged out. */
export class SessionError extends WssgateError {}
/** The client itself has failed, or cannot be loaded. */
export class InternalError extends WssgateError {}
