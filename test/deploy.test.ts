/** What is there to deploy Roost with, held against what reads it. No container is started. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { loadConfig } from "../src/config.ts";
import { type SettingName, settingNames, settingOf } from "../src/settings.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "roost-deploy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const checkers = spawnSync(join(ROOT, "scripts/install-checkers"), ["--where"], { encoding: "utf8" });
const PATH = [checkers.stdout?.trim(), process.env.PATH].filter(Boolean).join(delimiter);

function run(command: string, ...args: string[]): { code: number | null; told: string } {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, PATH },
  });
  return { code: status, told: `${stdout}${stderr}` };
}

/** Tests that need a program are skipped without it, and say so; CI wants all of them, so there they fail. */
function needs(program: string, ...args: string[]) {
  const isThere = process.env.REQUIRE_CHECKERS === "1" || run(program, ...args).code === 0;
  if (!isThere) {
    const install = INSTALLED_BY[program];
    console.log(`skipped: what ${program} checks of deploy/, since it isn't there${install ?? ""}`);
  }
  return test.skipIf(!isThere);
}

const BY_CHECKERS = " (scripts/install-checkers brings it)";
const BY_ENGINES = " (scripts/install-engines brings it)";
const INSTALLED_BY: Readonly<Record<string, string>> = {
  "check-jsonschema": BY_CHECKERS,
  hadolint: BY_CHECKERS,
  kubectl: BY_CHECKERS,
  "kubernetes-validate": BY_CHECKERS,
  haproxy: BY_ENGINES,
};

const unknownSettings = (names: readonly string[]) =>
  names.filter((name) => !settingNames.includes(name.replace(/_FILE$/, "") as SettingName));

/** Name and text of each that a setting's own reader refuses. */
const badSettings = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).filter(([name, text]) => settingOf(name as SettingName).parse(text) === undefined);

describe("images", () => {
  needs("hadolint", "--version")("hadolint has nothing to say about the Dockerfiles", () => {
    const files = ["Dockerfile", "deploy/compose/patroni/Dockerfile"];
    expect(run("hadolint", "--no-color", "--failure-threshold", "warning", ...files)).toMatchObject({
      code: 0,
    });
  });

  test("Roost's runs as nobody, gets signals itself, and is told to stop as it should be", () => {
    const text = readFileSync(join(ROOT, "Dockerfile"), "utf8");
    const last = text.slice(text.lastIndexOf("\nFROM "));
    expect(last).toMatch(/^USER \d+:\d+$/m);
    expect(last).toMatch(/^STOPSIGNAL SIGTERM$/m);
    for (const exec of ["ENTRYPOINT", "CMD"]) expect(last).toMatch(new RegExp(`^${exec} \\[`, "m"));
    expect(last).toMatch(/^HEALTHCHECK /m);
    const { node } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).dependencies;
    for (const [, tag] of text.matchAll(/^FROM node:(\S+)-bookworm-slim/gm)) expect(tag).toBe(node);
  });
});

interface Service {
  readonly image?: string;
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
  readonly command?: readonly string[];
}

describe("compose.yaml", () => {
  const compose = parse(readFileSync(join(ROOT, "compose.yaml"), "utf8"), { merge: true }) as {
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
  };
  const services = Object.entries(compose.services);

  needs("check-jsonschema", "--version")("is what the Compose specification allows", () => {
    expect(run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")).toMatchObject({
      code: 0,
    });
  });

  test("names services and volumes that exist, images by version, and a profile each", () => {
    for (const [name, { image, profiles, depends_on, volumes }] of services) {
      expect([name, profiles]).toEqual([name, [expect.stringMatching(/^(single|scale)$/)]]);
      expect([name, image]).toEqual([name, expect.stringMatching(/:[v\d][\w.-]*\d[\w.-]*$/)]);
      for (const [needed, { condition }] of Object.entries(depends_on ?? {})) {
        expect(Object.keys(compose.services)).toContain(needed);
        // The image of Roost brings its own check.
        const isChecked = compose.services[needed]?.healthcheck !== undefined;
        expect([needed, condition === "service_healthy" && !isChecked]).toEqual([needed, false]);
      }
      for (const volume of volumes ?? []) {
        const source = volume.split(":")[0] ?? "";
        if (!source.startsWith(".")) expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });

  test("sets settings that there are, to what they accept", () => {
    const ours = services.filter(([, { image }]) => image?.startsWith("roost:"));
    expect(ours.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        "roost",
        "api-1",
        "api-2",
        "streaming",
        "fanout-1",
        "fanout-2",
        "relay",
        "jobs",
      ]),
    );
    for (const [, { environment = {} }] of ours) {
      expect(unknownSettings(Object.keys(environment))).toEqual([]);
      const values = Object.entries(environment).map(([name, text]) => [
        name,
        text.replace(/\$\{\w+:-(.*?)\}/g, "$1"),
      ]);
      // As a start reads them, to which an empty one is unset, with nothing in .env.
      expect(() => loadConfig(Object.fromEntries(values))).not.toThrow();
    }
  });
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: {
      readonly spec: { readonly securityContext: object; readonly containers: readonly Container[] };
    };
    readonly selector?: { readonly matchLabels?: object };
  };
}
interface Container {
  readonly image: string;
  readonly args?: readonly string[];
  readonly securityContext: object;
}

describe.each(["small", "large", "complete"])("kubernetes, %s", (overlay) => {
  const built = run("kubectl", "kustomize", `deploy/kubernetes/overlays/${overlay}`);
  const manifests = () => parseAllDocuments(built.told).map((document) => document.toJS() as Manifest);
  const kubectl = needs("kubectl", "version", "--client");

  kubectl("is built, and each workload is confined, asked how it is, and kept while nodes go", () => {
    expect(built).toMatchObject({ code: 0 });
    const ours = manifests().filter(({ metadata }) => metadata.labels["app.kubernetes.io/name"] === "roost");
    const of = (kind: string) => ours.filter((one) => one.kind === kind);
    const deployments = of("Deployment");
    expect(deployments.map(({ metadata }) => metadata.name).toSorted()).toEqual(
      of("PodDisruptionBudget")
        .map(({ metadata }) => metadata.name)
        .toSorted(),
    );
    for (const { spec } of deployments) {
      expect(spec?.template?.spec.securityContext).toMatchObject({ runAsNonRoot: true });
      for (const container of spec?.template?.spec.containers ?? []) {
        expect(container.image).toMatch(/:\d/);
        expect(container).toMatchObject({ readinessProbe: { httpGet: { path: "/readyz" } } });
        expect(container).toMatchObject({ livenessProbe: { httpGet: { path: "/livez" } } });
        expect(container.securityContext).toMatchObject({
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
        });
      }
    }
    const [settings] = of("ConfigMap");
    expect(unknownSettings(Object.keys(settings?.data ?? {}))).toEqual([]);
    expect(badSettings(settings?.data ?? {})).toEqual([]);
    expect(of("Secret")).toEqual([]);
    expect(of("NetworkPolicy").length).toBe(1);
  });

  kubectl("has every role once", () => {
    const roles = manifests().flatMap(({ spec }) =>
      (spec?.template?.spec.containers ?? [])
        .filter(({ image }) => /\/roost:/.test(image))
        .flatMap(({ args = [] }) => args[0] ?? []),
    );
    const every = ["api", "fanout", "jobs", "relay", "streaming"];
    const wanted = { small: ["api", "worker"], large: every, complete: every }[overlay];
    expect(roles.toSorted()).toEqual(wanted);
  });

  needs("kubernetes-validate", "--help")("is what Kubernetes accepts", () => {
    const file = join(folder, `${overlay}.yaml`);
    writeFileSync(file, built.told);
    expect(run("kubernetes-validate", "--strict", file)).toMatchObject({ code: 0 });
  });
});

describe("kubernetes with its engines", () => {
  const built = run("kubectl", "kustomize", "deploy/kubernetes/overlays/complete");
  const manifests = () => parseAllDocuments(built.told).map((document) => document.toJS() as Manifest);
  const kubectl = needs("kubectl", "version", "--client");
  const secrets = () =>
    parseEnv(readFileSync(join(ROOT, "deploy/kubernetes/overlays/complete/secrets.env.example"), "utf8"));

  kubectl("has every engine of compose.yaml, confined, and lets none but Roost in", () => {
    const pods = manifests().flatMap(({ spec }) => (spec?.template ? [spec.template.spec] : []));
    const images = pods.flatMap(({ containers }) => containers.map(({ image }) => image));
    const compose = parse(readFileSync(join(ROOT, "compose.yaml"), "utf8"), { merge: true }) as {
      services: Record<string, Service>;
    };
    const wanted = Object.values(compose.services).map(({ image = "" }) => image);
    for (const image of wanted) {
      const own = /^roost(-\w+)?:/.test(image) ? `registry.example/${image}` : image;
      expect(images).toContain(own);
    }
    for (const { securityContext, containers } of pods) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true });
      for (const one of containers)
        expect(one.securityContext).toMatchObject({ allowPrivilegeEscalation: false });
    }
    expect(manifests().filter(({ kind }) => kind === "NetworkPolicy")).toHaveLength(2);
  });

  kubectl("finds each engine by a name that there is", () => {
    expect(unknownSettings(Object.keys(secrets()))).toEqual([]);
    expect(badSettings(secrets() as Record<string, string>)).toEqual([]);
    const names = (kind: string) =>
      manifests()
        .filter((one) => one.kind === kind)
        .map(({ metadata }) => metadata.name);
    const settings = manifests().find(({ data }) => data?.KAFKA_BROKERS)?.data ?? {};
    const hosts = Object.values({ ...secrets(), KAFKA: settings.KAFKA_BROKERS }).flatMap((text = "") =>
      [...text.matchAll(/(?:@|\/\/|,|^)([\w.-]+):\d+/g)].map(([, host = ""]) => host),
    );
    expect(hosts).toHaveLength(15);
    for (const host of hosts) {
      const [pod = "", service = pod] = host.split(".");
      expect(names("Service")).toContain(service);
      if (service !== pod) expect(names("StatefulSet")).toContain(pod.replace(/-\d+$/, ""));
    }
  });
});

describe("systemd", () => {
  needs("systemd-analyze", "--version")("accepts the units, and counts them as confined", () => {
    for (const name of ["roost.service", "roost@.service"]) {
      const text = readFileSync(join(ROOT, "deploy/systemd", name), "utf8");
      const file = join(folder, name.replace("@", "@api"));
      writeFileSync(file, text.replaceAll("/opt/roost/", ROOT));
      expect(run("systemd-analyze", "verify", "--man=no", file)).toEqual({ code: 0, told: "" });
      expect(run("systemd-analyze", "security", "--offline=true", "--threshold=30", file)).toMatchObject({
        code: 0,
      });
    }
  });
});

describe("HAProxy", () => {
  needs("haproxy", "-v")("accepts the balancer and the way to PostgreSQL's primary", () => {
    for (const name of ["haproxy.cfg", "postgres.cfg"])
      expect(run("haproxy", "-c", "-f", `deploy/haproxy/${name}`)).toMatchObject({ code: 0 });
  });
});
