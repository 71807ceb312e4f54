// Plays the API server's admission: asks the policies of deploy/kubernetes/admission about pods.
//
//     {"policies": […], "params": {…}, "requests": [{"operation", "resource", "namespaceLabels", "object",
//     "oldObject"}, …]} on standard input -> [{"object": as it was changed, "denied": ["why", …]}, …]
//
// Expressions are evaluated by a real implementation of CEL. What Kubernetes adds to it and is used here,
// Object.spec.… and JSONPatch, become maps, once it is sure that the type's name is the field's path:
// the API server asks that, too.
import { readFileSync } from "node:fs";
import { celEnv, isCelError, isCelList, isCelMap, parse, plan } from "@bufbuild/cel";

// ---- CEL ----

const toCel = value => Array.isArray(value) ? value.map(toCel)
    : value && typeof value === "object" ? new Map(Object.entries(value).map(([key, each]) => [key, toCel(each)]))
    : Number.isInteger(value) ? BigInt(value) : value;

const fromCel = value => isCelList(value) ? [...value].map(fromCel)
    : isCelMap(value) ? Object.fromEntries([...value].map(([key, each]) => [key, fromCel(each)]))
    : typeof value === "bigint" ? Number(value) : value;

// The types of Kubernetes among the structs; `path` is the type that the place where it stands asks for.
function structsToMaps(expr, path) {
    const { case: kind, value } = expr.exprKind;
    if (kind === "listExpr")
        value.elements.forEach(each => structsToMaps(each, path));
    if (kind !== "structExpr")
        return expr.exprKind.case === "callExpr" ? callArguments(value) : undefined;
    const type = value.messageName;
    if (type && type !== "JSONPatch" && !/^Object(\.\w+)*$/.test(type))
        throw new Error(`there is no type ${type}`);
    if (path && type && type !== path)
        throw new Error(`${type} stands where ${path} belongs`);
    for (const entry of value.entries) {
        const field = entry.keyKind.value;
        structsToMaps(entry.value, type.startsWith("Object") ? `${type}.${field}` : undefined);
        if (type)
            entry.keyKind = { case: "mapKey", value: parse(JSON.stringify(field)).expr };
    }
    value.messageName = "";
}

function callArguments(call) {
    [call.target, ...call.args].filter(Boolean).forEach(each => structsToMaps(each));
}

function evaluate(text, bindings) {
    const { expr } = parse(text);
    structsToMaps(expr);
    const result = plan(celEnv(), expr)(bindings);
    if (isCelError(result))
        throw new Error(`${result.message} in: ${text}`);
    return fromCel(result);
}

// ---- whom a policy is about ----

const hasLabels = (selector, labels = {}) =>
    Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);

function concerns(policy, binding, request) {
    const { resourceRules, objectSelector } = policy.spec.matchConstraints;
    return resourceRules.some(rule => rule.operations.includes(request.operation) &&
            rule.resources.includes(request.resource)) &&
        hasLabels(objectSelector, request.object.metadata.labels) &&
        hasLabels(binding.spec.matchResources?.namespaceSelector, request.namespaceLabels);
}

function bindingsOf(policy, request, params) {
    const bound = Object.fromEntries(Object.entries({ ...request, request, params, variables: {} })
        .map(([name, value]) => [name, toCel(value ?? null)]));
    for (const { name, expression } of policy.spec.variables ?? [])
        bound.variables.set(name, toCel(evaluate(expression, bound)));
    return bound;
}

const isMet = (policy, bound) =>
    (policy.spec.matchConditions ?? []).every(({ expression }) => evaluate(expression, bound));

// ---- what it does ----

function add(object, { op, path, value }) {
    const steps = path.slice(1).split("/").map(step => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = steps.pop();
    const place = steps.reduce((at, step) => at?.[step], object);
    if (op !== "add" || place === undefined || place === null)
        throw new Error(`${op} ${path}: there is no such place`);
    if (Array.isArray(place))
        place.splice(last === "-" ? place.length : Number(last), 0, value);
    else
        place[last] = value;
}

function mutate(policy, request, params) {
    if (!isMet(policy, bindingsOf(policy, request, params)))
        return;
    for (const { jsonPatch } of policy.spec.mutations)
        for (const patch of evaluate(jsonPatch.expression, bindingsOf(policy, request, params)))
            add(request.object, patch);
}

function validate(policy, request, params) {
    const bound = bindingsOf(policy, request, params);
    if (!isMet(policy, bound))
        return [];
    return policy.spec.validations.filter(each => !evaluate(each.expression, bound))
        .map(each => each.messageExpression ? evaluate(each.messageExpression, bound) : each.message);
}

function admit(request, policies, params) {
    const denied = [];
    for (const kind of ["MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"])
        for (const policy of policies.filter(each => each.kind === kind))
            for (const binding of policies.filter(each => each.kind === kind + "Binding" &&
                each.spec.policyName === policy.metadata.name && concerns(policy, each, request)))
                try {
                    denied.push(...(kind.startsWith("Mutating") ? mutate : validate)(policy, request, params) ?? []);
                } catch (wrong) { // failurePolicy: Fail
                    denied.push(`${policy.metadata.name}: ${wrong.message}`);
                }
    return { object: request.object, denied };
}

const { policies, params, requests } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(requests.map(request => admit(request, policies, params))));
