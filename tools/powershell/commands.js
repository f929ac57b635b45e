// Parses PowerShell scripts, and prints for each the commands that it calls and does not define itself, as
// JSON on a line. It fails if one does not parse.
//
//	node --liftoff-only commands.js FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Language, Parser } from "web-tree-sitter";

await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(createRequire(import.meta.url).resolve("tree-sitter-powershell/tree-sitter-powershell.wasm")));

let failed = false;
for (const file of process.argv.slice(2)) {
	const tree = parser.parse(readFileSync(file, "utf8"));
	for (const node of tree.rootNode.descendantsOfType(["ERROR"])) {
		report(file, node, "does not parse: " + node.text.slice(0, 60));
	}
	missing(file, tree.rootNode);
	const defined = new Set(tree.rootNode.descendantsOfType("function_name").map((n) => n.text.toLowerCase()));
	const called = new Set();
	for (const node of tree.rootNode.descendantsOfType("command")) {
		const name = node.childForFieldName("command_name");
		// A command whose name is computed is none that anybody can check.
		if (name === null || name.type !== "command_name" || !/^[A-Za-z]+-[A-Za-z]+$/.test(name.text)) {
			report(file, node, "calls something that is not named: " + node.text.slice(0, 60));
		} else if (!defined.has(name.text.toLowerCase())) {
			called.add(name.text);
		}
	}
	console.log(JSON.stringify({ file, commands: [...called].sort() }));
}
process.exit(failed ? 1 : 0);

function missing(file, node) {
	if (node.isMissing) report(file, node, "lacks " + node.type);
	for (const child of node.children) missing(file, child);
}

function report(file, node, what) {
	console.error(`${file}:${node.startPosition.row + 1}: ${what}`);
	failed = true;
}
