// In the place of Go's: a program that the tests write.
globalThis.Go = class {
	importObject = {};

	run() {
		globalThis[this.argv[1]](globalThis.program.functions);
		return new Promise(resolve => { globalThis.program.exit = resolve; });
	}
};
