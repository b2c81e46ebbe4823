// The module alone, over a program that the tests write. Run by TestModule.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {setImmediate} from 'node:timers/promises';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';

globalThis.isSecureContext = true;
const wssgate = await import('./wssgate.js');
const {ArgumentError, FaultError, InternalError, login, load, LoginError, Session, SessionError, WssgateError} = wssgate;

// A program of WebAssembly that is valid and does nothing.
const empty = 'data:application/wasm;base64,AGFzbQEAAAA=';
const alice = {relay: 'wss://gw.example.com/kerberos5', realm: 'EXAMPLE.COM', user: 'alice', password: 'secret'};

// What the program has been called with.
let calls = [];
const answering = values => {
	calls = [];
	const answer = name => (...args) => {
		calls.push([name, ...args]);
		const value = values[name];
		return value instanceof Function ? value(...args) : Promise.resolve(value);
	};
	const own = {user: 'alice@EXAMPLE.COM', expires: () => 1000, clockOffset: () => 7};
	for (const name of ['tickets', 'fetch', 'soap', 'logout'])
		own[name] = answer(name);
	values.login ??= own;
	globalThis.program ??= {functions: {}};
	globalThis.program.functions.login = answer('login');
};
const rejecting = error => () => Promise.reject(error);
const refusal = {kind: 'login', code: 'preauthentication-failed', text: 'kerberos: …', cause: 'The password is wrong.',
	cure: 'Check it.', status: 0};

test('the program is where the module is, whatever is added to every object', async () => {
	Object.prototype.wasm = 'http://127.0.0.1:1/theirs.wasm';
	try {
		for (const options of [undefined, {}])
			await assert.rejects(load(options), error => !error.message.includes('theirs'));
	} finally {
		delete Object.prototype.wasm;
	}
});

test('a program that cannot be fetched or run is an error, and can be loaded again', async () => {
	for (const wasm of ['http://127.0.0.1:1/wssgate.wasm', 'data:application/wasm,no', 'data:text/html,no'])
		await assert.rejects(load({wasm}), error => error instanceof InternalError && error.code === 'browser-internal' &&
			error.cure !== '' && error.message.includes(wasm));
	answering({});
	await load({wasm: empty});
	await load({wasm: 'http://127.0.0.1:1/not-again'});
	assert.deepEqual(Object.keys(globalThis).filter(name => name.startsWith('wssgate')), []);
});

test('login passes what it was given, and no signal among it', async () => {
	answering({});
	const {signal} = new AbortController();
	const session = await login({...alice, signal});
	assert.deepEqual(calls, [['login', signal, {__proto__: null, ...alice}]]);
	assert.equal(session.user, 'alice@EXAMPLE.COM');
	assert.deepEqual([session.expires.valueOf(), session.clockOffset], [1000, 7]);
});

test('arguments that make no sense do not reach the program', async () => {
	answering({});
	for (const options of [undefined, null, 'alice', {}, {...alice, user: undefined}, {...alice, password: 7},
		{...alice, pasword: ''}, {...alice, allowHTTP: 'yes'}, {...alice, signal: {}}])
		await assert.rejects(login(options), ArgumentError);
	globalThis.isSecureContext = false;
	await assert.rejects(login(alice), error => error.code === 'browser-insecure');
	assert.deepEqual(calls, []);
	await login({...alice, allowHTTP: true});
	globalThis.isSecureContext = true;
	const session = await login(alice);
	calls = [];
	for (const [url, body, options] of [['https://[', '<a/>'], ['https://gw.example.com/', 7],
		['https://gw.example.com/', '<a/>', {policy: 7}], ['https://gw.example.com/', '<a/>', {timeout: 'soon'}],
		['https://gw.example.com/', '<a/>', {timeout: Infinity}], ['https://gw.example.com/', '<a/>', {__proto: 1}]])
		await assert.rejects(session.soap(url, body, options), ArgumentError);
	await assert.rejects(session.fetch('https://['), ArgumentError);
	assert.deepEqual(calls, []);
});

test('what is added to every object is no option', async () => {
	answering({soap: {message: '<a/>', status: 200}});
	globalThis.isSecureContext = false;
	const added = {allowHTTP: true, signal: AbortSignal.abort(), password: 'theirs', service: 'HTTP/evil.example',
		noAuthenticator: true, wasm: 'http://127.0.0.1:1/theirs.wasm', kind: 'login'};
	Object.assign(Object.prototype, added);
	try {
		await assert.rejects(login(alice), error => error.code === 'browser-insecure');
		const {password, ...rest} = alice;
		await assert.rejects(login(rest), error => error.code === 'browser-argument');
		globalThis.isSecureContext = true;
		const session = await login(alice);
		await session.soap('https://gw.example.com/q', '<a/>');
		for (const [, signal, ...args] of calls) {
			assert.equal(signal, undefined);
			for (const name of Object.keys(added).filter(name => name !== 'password'))
				assert.equal(args.at(-1)[name], undefined);
		}
	} finally {
		for (const name of Object.keys(added))
			delete Object.prototype[name];
		globalThis.isSecureContext = true;
	}
	assert.equal(calls.length, 2);
});

test('errors of the program are Errors of their class', async () => {
	const fault = {code: 'Receiver', reason: 'no'};
	for (const [kind, type] of Object.entries({argument: ArgumentError, login: LoginError, kdc: wssgate.KDCError,
		service: wssgate.ServiceError, fault: FaultError, session: SessionError, internal: InternalError, unheard: InternalError})) {
		answering({login: rejecting({...refusal, kind, fault})});
		await assert.rejects(login(alice), error => {
			assert.equal(error.constructor, type);
			assert.ok(error instanceof WssgateError && error instanceof Error);
			assert.deepEqual([error.name, error.code, error.message, error.reason, error.cure, error.status],
				[type.name, refusal.code, refusal.text, refusal.cause, refusal.cure, 0]);
			assert.deepEqual(error.fault, type === FaultError ? fault : undefined);
			return true;
		});
	}
});

test('a page that aborts gets the reason of its signal', async () => {
	const reason = new Error('enough');
	answering({});
	await assert.rejects(login({...alice, signal: AbortSignal.abort(reason)}), reason);
	assert.deepEqual(calls, []);
	const controller = new AbortController();
	answering({login: () => {
		controller.abort(reason);
		return Promise.reject({...refusal, kind: 'internal'});
	}});
	await assert.rejects(login({...alice, signal: controller.signal}), reason);
});

test('the body of a reply is what the program returns, and the tree is an object', async () => {
	const reply = {message: '<a/>', status: 200};
	answering({soap: reply, tickets: '{"name":"tickets"}'});
	const session = await login(alice);
	assert.deepEqual(await session.soap(new URL('https://gw.example.com/q'), '<a/>', {policy: 'Kerberos'}), reply);
	assert.deepEqual(calls.at(-1), ['soap', undefined, 'https://gw.example.com/q', '<a/>', {__proto__: null, policy: 'Kerberos'}]);
	assert.deepEqual(await session.tickets(), {name: 'tickets'});
});

test('a session that is over can do nothing', async () => {
	answering({});
	const session = await login(alice);
	await session.logout();
	await session.logout();
	assert.equal(calls.filter(([name]) => name === 'logout').length, 1);
	calls = [];
	for (const call of [() => session.fetch('https://gw.example.com/'), () => session.soap('https://gw.example.com/', '<a/>'),
		() => session.tickets(), async () => session.user, async () => session.expires, async () => session.clockOffset])
		await assert.rejects(call(), error => error instanceof SessionError && error.code === 'browser-over');
	assert.deepEqual(calls, []);
	assert.throws(() => new Session({}, {}), TypeError);
});

test('nothing keeps a reply that the page has forgotten', async () => {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc');
	let reply;
	answering({soap: () => {
		const message = {message: '<a/>', status: 200};
		reply = new WeakRef(message);
		return Promise.resolve(message);
	}});
	const session = await login(alice);
	await session.soap('https://gw.example.com/q', '<a/>');
	for (let i = 0; i < 100 && reply.deref(); i++) {
		await setImmediate();
		collect();
	}
	assert.equal(reply.deref(), undefined);
});

test('a program that ends leaves nothing hanging, and is loaded again', async () => {
	answering({tickets: () => new Promise(() => {})});
	const session = await login(alice);
	const hanging = session.tickets();
	globalThis.program.exit();
	await assert.rejects(hanging, InternalError);
	await assert.rejects(session.tickets(), InternalError);
	assert.throws(() => session.expires, InternalError);
	answering({});
	await load({wasm: empty});
	await login(alice);
});
