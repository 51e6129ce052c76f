// Each object of deploy/kubernetes against the schema of its kind, and what the schemas cannot say.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import * as kubernetes from "kubernetes-models/v1";
import * as apps from "kubernetes-models/apps/v1";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as monitoring from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { load, loadAll } from "js-yaml";

const folder = new URL("../../deploy/kubernetes/", import.meta.url);
const models = { v1: kubernetes, "apps/v1": apps, "networking.k8s.io/v1": networking, "policy/v1": policy, "monitoring.coreos.com/v1": monitoring };
const read = (name) => readFileSync(new URL(name, folder), "utf8");
const kustomization = load(read("kustomization.yaml"));
const objects = kustomization.resources.flatMap((name) => loadAll(read(name)).map((value) => ({ name, value })));
const find = (kind) => objects.filter(({ value }) => value.kind === kind).map(({ value }) => value);
const [set] = find("StatefulSet");
const [container] = set.spec.template.spec.containers;

for (const { name, value } of objects) {
  test(`${name}: ${value.kind} ${value.metadata.name} is as its schema has it`, () => {
    const Model = models[value.apiVersion]?.[value.kind];
    assert.ok(Model, `no schema of ${value.apiVersion} ${value.kind}`);
    new Model(value).validate(); // throws what is wrong
  });
}

test("a schema refuses a member of the wrong type", () => {
  assert.throws(() => new apps.StatefulSet({ ...set, spec: { ...set.spec, replicas: "two" } }).validate());
});

test("every file of the folder is named by the kustomization", () => {
  const named = [...kustomization.resources, ...kustomization.configMapGenerator.flatMap(({ files }) => files), "kustomization.yaml"];
  assert.deepEqual(readdirSync(folder).sort(), named.sort());
});

test("selectors find the pods, and ports have the names that services and probes ask for", () => {
  const labels = set.spec.template.metadata.labels;
  const ports = new Set(container.ports.map(({ name }) => name));
  assert.deepEqual(set.spec.selector.matchLabels, labels);
  for (const service of find("Service")) {
    assert.deepEqual(service.spec.selector, labels);
    service.spec.ports.forEach(({ targetPort }) => assert.ok(ports.has(targetPort), targetPort));
  }
  for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) assert.ok(ports.has(container[probe].httpGet.port));
  assert.deepEqual(find("PodDisruptionBudget")[0].spec.selector.matchLabels, labels);
  assert.ok(find("Service").some(({ metadata }) => metadata.name === set.spec.serviceName));
});

test("volumes that are mounted are there", () => {
  const { volumes } = set.spec.template.spec;
  const there = [...volumes, ...set.spec.volumeClaimTemplates.map(({ metadata }) => metadata)].map(({ name }) => name);
  container.volumeMounts.forEach(({ name }) => assert.ok(there.includes(name), name));
});

test("the pod passes the standard `restricted`, on a root that is read-only", () => {
  const { securityContext } = set.spec.template.spec;
  assert.equal(securityContext.runAsNonRoot, true);
  assert.equal(securityContext.seccompProfile.type, "RuntimeDefault");
  assert.equal(container.securityContext.allowPrivilegeEscalation, false);
  assert.equal(container.securityContext.readOnlyRootFilesystem, true);
  assert.deepEqual(container.securityContext.capabilities.drop, ["ALL"]);
});

test("a pod is given longer than its drain may take", () => {
  const { drain } = load(read("sluice.yaml"));
  const seconds = (text) => Number(/^(\d+)s$/.exec(text)[1]);
  assert.ok(set.spec.template.spec.terminationGracePeriodSeconds > seconds(drain.delay) + seconds(drain.timeout) + 15);
});
