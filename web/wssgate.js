// The browser client of wssgate: a user logs in at a Kerberos KDC through the
// gateway's relay, and calls services with tickets. wssgate.d.ts has the types and
// what they mean; docs/browser.md how to use it, and when not to.
//
// All of Kerberos and WS-Security is in wssgate.wasm. This file loads it, checks
// the arguments of a page, and makes Errors of its errors.

import './wasm_exec.js';

// What went wrong, with the code of the catalogue of errors, its cause in general,
// and what to do about it.
export class WssgateError extends Error {
	constructor({code, text, cause, cure, status}) {
		super(text);
		this.name = new.target.name;
		this.code = code;
		this.reason = cause;
		this.cure = cure;
		this.status = status;
	}
}
export class ArgumentError extends WssgateError {}
export class LoginError extends WssgateError {}
export class KDCError extends WssgateError {}
export class ServiceError extends WssgateError {}
export class SessionError extends WssgateError {}
export class InternalError extends WssgateError {}
export class FaultError extends ServiceError {
	constructor(e) {
		super(e);
		this.fault = e.fault;
	}
}

const classes = {
	argument: ArgumentError, login: LoginError, kdc: KDCError, service: ServiceError, fault: FaultError,
	session: SessionError, internal: InternalError,
};

const argument = text => new ArgumentError({code: 'browser-argument', text, status: 0,
	cause: 'A page calls the browser client with an argument that makes no sense.',
	cure: 'The error has the argument.'});

const internal = text => new InternalError({code: 'browser-internal', text, status: 0,
	cause: 'The browser client has failed.',
	cure: 'Load the page again, and report it with the text of the error.'});

const over = () => new SessionError({code: 'browser-over', text: 'the user has logged out', status: 0,
	cause: 'The user has logged out of the session.',
	cure: 'Log in again.'});

// The integrity metadata of the program, which the browser compares before anything
// runs. The build sets it; without a build there is none.
const integrity = '';

// The program, once for the page: {api, calls, over}. Each of its calls has here the
// function that rejects it; over is the error once the program has ended.
let loading;
let started = 0;

// Loads the program. Pages call it to have it ready before the user logs in.
export async function load(options) {
	const {wasm = new URL('wssgate.wasm', import.meta.url)} = ownOf(options);
	loading ??= start(wasm).catch(error => {
		loading = undefined; // so that it can be tried again
		throw error;
	});
	await loading;
}

// What an object has itself: a page whose Object.prototype somebody has added to
// shall not thereby have other options.
const ownOf = options => Object.assign(Object.create(null), options);

async function start(url) {
	let response;
	try {
		response = await fetch(url, {integrity});
	} catch (error) {
		throw internal(`${url} cannot be fetched: ${error.message}`);
	}
	if (!response.ok)
		throw internal(`${url} cannot be fetched: HTTP status ${response.status}`);
	const go = new globalThis.Go();
	const name = `wssgate ${++started}`;
	go.argv = ['wssgate', name];
	let instance;
	try {
		({instance} = (response.headers.get('Content-Type') ?? '').startsWith('application/wasm')
			? await WebAssembly.instantiateStreaming(response, go.importObject)
			: await WebAssembly.instantiate(await response.arrayBuffer(), go.importObject));
	} catch (error) {
		throw internal(`${url} cannot be run: ${error.message}`);
	}
	let api;
	globalThis[name] = functions => { api = functions; };
	const program = {api: undefined, calls: new Set(), over: undefined};
	const end = () => {
		loading = undefined;
		program.over = internal('the program has ended');
		for (const reject of program.calls)
			reject(program.over);
	};
	go.run(instance).then(end, end);
	delete globalThis[name];
	program.api = api;
	return program;
}

// Calls a function of the program. A page that aborts gets the reason of its signal.
// A race with a promise of the program's end would keep each result until then.
async function call(program, f, signal, ...args) {
	signal?.throwIfAborted();
	if (program.over)
		throw program.over;
	let end;
	try {
		return await new Promise((resolve, reject) => {
			program.calls.add(end = reject);
			f(signal, ...args).then(resolve, reject);
		});
	} catch (error) {
		signal?.throwIfAborted();
		throw error instanceof Error ? error : new (classes[error.kind] ?? InternalError)(error);
	} finally {
		program.calls.delete(end);
	}
}

const types = {
	string: (value, name) => {
		if (typeof value !== 'string')
			throw argument(`${name} has to be a string`);
	},
	boolean: (value, name) => {
		if (value !== undefined && typeof value !== 'boolean')
			throw argument(`${name} has to be true or false`);
	},
	text: (value, name) => {
		if (value !== undefined && typeof value !== 'string')
			throw argument(`${name} has to be a string`);
	},
	milliseconds: (value, name) => {
		if (value !== undefined && !(value > 0 && value <= 3_600_000))
			throw argument(`${name} has to be a number of milliseconds, at most an hour`);
	},
	signal: (value, name) => {
		if (value !== undefined && value !== null && !(value instanceof AbortSignal))
			throw argument(`${name} has to be an AbortSignal`);
	},
};

// Checks the options of a call, and returns those for the program, and the signal.
// One that it does not know is a mistake that would else go unnoticed.
function checked(options, known) {
	if (typeof options !== 'object' || options === null)
		throw argument('the options have to be an object');
	const own = ownOf(options);
	for (const name of Object.keys(own))
		if (!Object.hasOwn(known, name))
			throw argument(`there is no option ${JSON.stringify(name)}`);
	for (const [name, type] of Object.entries(known))
		types[type](own[name], name);
	const {signal} = own;
	delete own.signal;
	return [own, signal];
}

const loginOptions = {
	relay: 'string', realm: 'string', user: 'string', password: 'string', allowHTTP: 'boolean', signal: 'signal',
};

const soapOptions = {
	policy: 'text', service: 'text', action: 'text', version: 'text', addressing: 'text', trust: 'text',
	noAuthenticator: 'boolean', timeout: 'milliseconds', signal: 'signal',
};

// Logs a user in.
export async function login(options) {
	const [rest, signal] = checked(options, loginOptions);
	if (!globalThis.isSecureContext && !rest.allowHTTP)
		throw new ArgumentError({code: 'browser-insecure', text: 'the page is without TLS', status: 0,
			cause: 'The page, the relay or the service is without TLS.',
			cure: 'Use https and wss. allowHTTP is for networks in which nobody is in between.'});
	await load();
	signal?.throwIfAborted();
	const program = await loading;
	return new Session(program, await call(program, program.api.login, signal, rest), key);
}

export default login;

const key = Symbol('the constructor of Session is login');

// A user who has logged in.
export class Session {
	#program;
	#own;

	constructor(program, own, k) {
		if (k !== key)
			throw new TypeError('Session is made by login');
		this.#program = program;
		this.#own = own;
	}

	get user() { return this.#open().user; }
	get expires() { return new Date(this.#open().expires()); }
	get clockOffset() { return this.#open().clockOffset(); }

	async fetch(input, init) {
		const own = this.#open();
		let request;
		try {
			request = new Request(input, init);
		} catch (error) {
			throw argument(error.message);
		}
		return await call(this.#program, own.fetch, request.signal, request);
	}

	async soap(url, body, options = {}) {
		const own = this.#open();
		const [rest, signal] = checked(options, soapOptions);
		types.string(body, 'body');
		let address;
		try {
			address = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
		} catch (error) {
			throw argument(error.message);
		}
		return await call(this.#program, own.soap, signal, address, body, rest);
	}

	async tickets() {
		return JSON.parse(await call(this.#program, this.#open().tickets));
	}

	async logout() {
		const own = this.#own;
		this.#own = undefined;
		if (own)
			await call(this.#program, own.logout, AbortSignal.timeout(2000));
	}

	#open() {
		if (!this.#own)
			throw over();
		if (this.#program.over)
			throw this.#program.over;
		return this.#own;
	}
}
