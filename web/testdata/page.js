// What the tests call: the module, and what it throws, in a form that is compared.
import * as wssgate from './wssgate.js';

globalThis.wssgate = wssgate;

// Returns what an error shows of itself, or null if there is none.
globalThis.failure = async promise => {
	try {
		await promise;
		return null;
	} catch (e) {
		document.getElementById('out').textContent = `${e.name}: ${e.message} ${e.cure}`;
		return {name: e.name, code: typeof e.code === 'string' ? e.code : null, message: e.message, reason: e.reason ?? null, cure: e.cure ?? null,
			status: e.status ?? null, fault: e.fault ?? null, isOurs: e instanceof wssgate.WssgateError};
	}
};
