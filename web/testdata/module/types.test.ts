// Compiled by tsc and never run: what a page may write, and, after @ts-expect-error,
// what it may not.
import login, {
	ArgumentError, FaultError, InternalError, KDCError, load, login as named, LoginError, ServiceError, Session, SessionError,
	WssgateError, type LoginOptions, type Policy, type SoapOptions, type SoapReply, type TicketNode,
} from './wssgate.js';

const options: LoginOptions = {
	relay: 'wss://gw.example.com/kerberos5', realm: 'EXAMPLE.COM', user: 'alice', password: 'secret',
	signal: AbortSignal.timeout(1000),
};

async function page(): Promise<string> {
	await load();
	await load({wasm: new URL('https://gw.example.com/wssgate.wasm')});
	const session: Session = await login(options);
	await named({...options, allowHTTP: true, signal: null});

	const response: Response = await session.fetch(new URL('https://gw.example.com/app'), {method: 'PUT', body: new Blob()});
	await session.fetch(new Request('https://gw.example.com/app'));
	const policy: Policy = 'SspiNegotiated';
	const soap: SoapOptions = {policy, action: 'urn:q/GetQuote', version: '1.2', trust: '1.3', timeout: 1000};
	const reply: SoapReply = await session.soap('https://gw.example.com/quotes', '<q:GetQuote xmlns:q="urn:q"/>', soap);
	const message: string | null = reply.message;
	const line = (node: TicketNode): string => node.name + (node.value ?? '') + (node.children ?? []).map(line).join();
	const left: number = session.expires.valueOf() - session.clockOffset;
	await session.logout();
	return session.user + response.status + message + line(await session.tickets()) + left;
}

function explain(error: unknown): string {
	if (error instanceof FaultError)
		return error.fault.code + error.fault.reason;
	if (error instanceof LoginError || error instanceof KDCError || error instanceof ServiceError ||
		error instanceof SessionError || error instanceof ArgumentError || error instanceof InternalError) {
		const ours: WssgateError = error;
		return ours.code + ours.reason + ours.cure + ours.status + ours.message;
	}
	return '';
}

async function mistakes(session: Session): Promise<void> {
	// @ts-expect-error no password
	await login({relay: '', realm: '', user: ''});
	// @ts-expect-error an option that there is not
	await login({...options, pasword: ''});
	// @ts-expect-error no such policy
	await session.soap('', '', {policy: 'Nothing'});
	// @ts-expect-error a message is text
	await session.soap('', document);
	// @ts-expect-error read only
	session.user = 'mallory';
	// @ts-expect-error made by login alone
	new Session();
	// @ts-expect-error null for a one-way message
	(await session.soap('', '')).message.length;
}

export {explain, mistakes, page};
