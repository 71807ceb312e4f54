// Holds objects against the types that Kubernetes and its extensions publish: unknown fields, wrong
// types, missing ones (by TypeScript), and what values may be (by the models' own validators).
//
//     [{"name": "…", "object": {…}}, …] on standard input -> ["name: path: what is wrong", …]
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const packages = {
    "monitoring.coreos.com": "@kubernetes-models/prometheus-operator/",
    "cert-manager.io": "@kubernetes-models/cert-manager/",
    "trust.cert-manager.io": "@kubernetes-models/cert-manager/",
};

function moduleOf({ apiVersion, kind }) {
    const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
    return `${packages[group] ?? "kubernetes-models/"}${apiVersion}/${kind}`;
}

// One file for each object: a literal, because only in literals TypeScript looks for unknown fields.
function sourceOf(object) {
    return `import type { I${object.kind} } from "${moduleOf(object)}";\n` +
        `export const object: I${object.kind} = ${JSON.stringify(object, null, 1)};\n`;
}

function program(inputs) {
    const options = {
        strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
    };
    const sources = new Map(inputs.map((input, i) => [join(here, `object-${i}.ts`), sourceOf(input.object)]));
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile, getSourceFile } = host;
    host.fileExists = file => sources.has(file) || fileExists(file);
    host.readFile = file => sources.get(file) ?? readFile(file);
    host.getSourceFile = (file, version, ...rest) => sources.has(file)
        ? ts.createSourceFile(file, sources.get(file), version, true) : getSourceFile(file, version, ...rest);
    return [ts.createProgram([...sources.keys()], options, host), [...sources.keys()]];
}

// Where in the object a position is, such as spec.containers[0].image.
function pathOf(source, position) {
    const steps = [];
    let node = source;
    for (let next = node; next; next = ts.forEachChild(node, child =>
        child.getStart(source) <= position && position < child.getEnd() ? child : undefined)) {
        node = next;
        if (ts.isPropertyAssignment(node))
            steps.push("." + node.name.text);
        else if (node.parent && ts.isArrayLiteralExpression(node.parent))
            steps.push(`[${node.parent.elements.indexOf(node)}]`);
    }
    return steps.join("").replace(/^\./, "") || "(all of it)";
}

function checkTypes(inputs) {
    const [all, files] = program(inputs);
    return inputs.flatMap((input, i) => {
        const source = all.getSourceFile(files[i]);
        return ts.getPreEmitDiagnostics(all, source).map(found =>
            `${input.name}: ${pathOf(source, found.start ?? 0)}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
    });
}

async function checkValues({ name, object }) {
    try {
        const models = await import(moduleOf(object));
        new models[object.kind](object).validate();
        return [];
    } catch (wrong) {
        return [`${name}: ${wrong.message}`];
    }
}

const inputs = JSON.parse(readFileSync(0, "utf8"));
const findings = checkTypes(inputs);
for (const input of inputs)
    findings.push(...await checkValues(input));
console.log(JSON.stringify(findings));
