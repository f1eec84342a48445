/** Pictures for the demo, drawn by us as SVG: a scene and a seed give the same picture each time. */
import { type Random, seededRandom } from "../../src/core/random.ts";

export const WIDTH = 960;
export const HEIGHT = 600;

export type SceneName = keyof typeof SCENES;

/** A whole SVG document. */
export function drawScene(name: SceneName, seed: number): string {
  const brush = new Brush(seededRandom(seed * 7919 + name.length));
  SCENES[name](brush);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">${brush.parts.join("")}</svg>`;
}

/** From the top of the sky to the ground, and a light. */
const PALETTES = [
  ["#2b1b4d", "#7a3b69", "#e2725b", "#f6c28b", "#fff1c9"],
  ["#0f2a43", "#1f5673", "#6fa3b0", "#d8e2d3", "#fff6df"],
  ["#123b3a", "#2f6f5e", "#84a98c", "#e7e6c8", "#fffbe6"],
  ["#3a1f2f", "#8c3b4a", "#d98c5f", "#f2d7a6", "#fff3dc"],
  ["#171b3a", "#343a72", "#7d7fb8", "#d5cfe6", "#fdf6ff"],
  ["#27323a", "#4a5f6b", "#93a7ad", "#dfe4de", "#fbfaf3"],
] as const;

class Brush {
  readonly random: Random;
  readonly parts: string[] = [];
  readonly palette: readonly string[];

  constructor(random: Random) {
    this.random = random;
    this.palette = random.pick(PALETTES);
  }

  color(n: number): string {
    return this.palette[n] ?? "#fff";
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + Math.round(this.random.next() * (high - low));
  }

  add(svg: string): void {
    this.parts.push(svg);
  }

  sky(from: string, to: string, ground = HEIGHT): void {
    const id = `g${this.parts.length}`;
    this.add(
      `<defs><linearGradient id="${id}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient></defs><rect width="${WIDTH}" height="${ground}" fill="url(#${id})"/>`,
    );
  }

  rect(x: number, y: number, w: number, h: number, fill: string, more = ""): void {
    this.add(`<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill}" ${more}/>`);
  }

  circle(x: number, y: number, r: number, fill: string, more = ""): void {
    this.add(`<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}" ${more}/>`);
  }

  path(d: string, fill: string, more = ""): void {
    this.add(`<path d="${d}" fill="${fill}" ${more}/>`);
  }

  line(d: string, stroke: string, width: number): void {
    this.path(
      d,
      "none",
      `stroke="${stroke}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"`,
    );
  }

  /** A ridge from edge to edge, filled to the bottom. */
  ridge(y: number, rise: number, steps: number, fill: string, isSharp = false): void {
    const points = Array.from({ length: steps + 1 }, (_, n) => {
      const x = (WIDTH / steps) * n;
      return [x, y - (n % 2 === 0 ? 0 : rise * (0.5 + this.random.next() * 0.5))] as const;
    });
    let d = `M0 ${HEIGHT} L0 ${points[0]?.[1]}`;
    points.slice(1).forEach(([x, top], n) => {
      const [beforeX, before] = points[n] ?? [0, y];
      const middle = (beforeX + x) / 2;
      d += isSharp ? ` L${x} ${top}` : ` C${middle} ${before} ${middle} ${top} ${x} ${top}`;
    });
    this.path(`${d} L${WIDTH} ${HEIGHT} Z`, fill);
  }

  stars(count: number, below: number): void {
    for (let i = 0; i < count; i++)
      this.circle(
        this.between(0, WIDTH),
        this.between(0, below),
        0.6 + this.random.next() * 1.8,
        "#fff",
        'opacity="0.85"',
      );
  }
}

const SCENES = {
  hills(b: Brush) {
    b.sky(b.color(1), b.color(3));
    b.circle(b.between(200, 760), b.between(210, 300), b.between(45, 80), b.color(4));
    for (const [n, color] of [b.color(2), b.color(1), b.color(0)].entries())
      b.ridge(350 + n * 90, 90, 6 - n, color);
  },
  sea(b: Brush) {
    b.sky(b.color(1), b.color(3), 360);
    const x = b.between(250, 700);
    b.circle(x, b.between(240, 330), b.between(40, 70), b.color(4));
    b.rect(0, 350, WIDTH, 250, b.color(0));
    for (let i = 0; i < 26; i++) {
      const y = 358 + i * 9;
      const w = b.between(20, 60 + i * 6);
      b.rect(x - w / 2 + b.between(-30, 30), y, w, 3, b.color(3), 'rx="1.5" opacity="0.7"');
    }
    const boat = b.between(120, 800);
    b.path(`M${boat} 400 h110 l-22 26 h-66 z`, b.color(4));
    b.path(`M${boat + 52} 392 v-96 l54 88 z`, b.color(2));
  },
  mountains(b: Brush) {
    b.sky(b.color(0), b.color(2));
    b.stars(60, 260);
    b.ridge(430, 260, 5, b.color(1), true);
    b.ridge(500, 190, 7, b.color(0), true);
    for (let i = 0; i < 14; i++) pine(b, b.between(0, WIDTH), 600, b.between(60, 130), "#0c1420");
  },
  town(b: Brush) {
    b.sky(b.color(0), b.color(1));
    b.stars(50, 200);
    b.circle(b.between(600, 860), 110, 38, b.color(4));
    for (let x = -20; x < WIDTH; ) {
      const w = b.between(70, 130);
      const h = b.between(170, 380);
      b.rect(x, HEIGHT - h, w, h, b.random.pick(["#1a1730", "#221d3d", "#2c2548"]));
      if (b.random.chance(0.5)) b.path(`M${x} ${HEIGHT - h} l${w / 2} -44 l${w / 2} 44 z`, "#151228");
      for (let wy = HEIGHT - h + 20; wy < HEIGHT - 30; wy += 38)
        for (let wx = x + 14; wx < x + w - 22; wx += 28)
          if (b.random.chance(0.5))
            b.rect(wx, wy, 14, 20, b.random.pick(["#ffd98a", "#ffc56b", "#ffe9b8"]), 'rx="2"');
      x += w;
    }
  },
  forest(b: Brush) {
    b.sky(b.color(3), b.color(2));
    for (const [n, color] of [b.color(2), b.color(1), b.color(0)].entries()) {
      for (let i = 0; i < 16; i++)
        pine(b, b.between(-30, WIDTH + 30), 470 + n * 70, b.between(170, 300), color);
      b.rect(0, 450 + n * 70, WIDTH, 200, color, 'opacity="0.9"');
    }
  },
  bird(b: Brush) {
    b.sky(b.color(3), b.color(4));
    const y = b.between(380, 430);
    b.line(`M0 ${y + 30} C300 ${y - 30} 600 ${y + 60} 960 ${y - 10}`, "#5a4031", 18);
    for (let i = 0; i < 9; i++) {
      const x = b.between(40, 920);
      b.path(`M${x} ${y} q26 -46 60 -30 q-16 40 -60 30z`, b.random.pick(["#6f8f4e", "#8aa65e", "#a8b86a"]));
    }
    const body = b.random.pick(["#4f7cac", "#c8553d", "#588157", "#e09f3e", "#5e548e", "#6d6875"]);
    const x = b.between(360, 560);
    b.path(`M${x + 70} ${y - 60} l130 46 l-22 -66 z`, body);
    b.circle(x, y - 90, 104, body);
    b.circle(x - 8, y - 60, 70, "#fff4dd");
    b.circle(x - 66, y - 170, 62, body);
    b.path(`M${x - 122} ${y - 176} l-46 16 l48 16 z`, "#f2a541");
    b.circle(x - 82, y - 184, 9, "#1b1b1b");
    b.circle(x - 85, y - 187, 3, "#fff");
    b.path(`M${x + 14} ${y - 120} q86 8 92 72 q-70 12 -92 -72z`, b.color(0), 'opacity="0.45"');
    b.line(`M${x - 20} ${y + 10} v22 M${x + 16} ${y + 10} v22`, "#c97b3a", 6);
  },
  garden(b: Brush) {
    b.sky("#dfeee3", "#f8f3e3");
    b.rect(0, 470, WIDTH, 130, "#b98b64");
    for (let i = 0; i < 8; i++) {
      const x = 70 + i * 118;
      const top = b.between(180, 330);
      b.path(
        `M${x - 44} 470 h88 l-14 84 h-60 z`,
        b.random.pick(["#c8553d", "#b5613c", "#8d5a3b", "#6d6875"]),
      );
      b.line(`M${x} 470 C${x - 20} 400 ${x + 20} ${top + 60} ${x} ${top}`, "#4d7c4a", 8);
      for (const side of [-1, 1])
        b.path(
          `M${x} ${top + 90} q${side * 50} -40 ${side * 70} 8 q${side * -40} 24 ${side * -70} -8z`,
          "#6a9a58",
        );
      const petals = b.random.pick(["#e76f51", "#f4a261", "#e9c46a", "#cdb4db", "#ef476f", "#ffffff"]);
      for (let p = 0; p < 8; p++) {
        const angle = (p / 8) * 2 * Math.PI;
        b.circle(x + Math.cos(angle) * 24, top + Math.sin(angle) * 24, 15, petals);
      }
      b.circle(x, top, 14, "#7a4e2d");
    }
  },
  stars(b: Brush) {
    b.sky("#070b20", b.color(0));
    b.stars(220, 560);
    const points = Array.from({ length: b.between(5, 8) }, (_, n) => [
      130 + n * 100 + b.between(-30, 30),
      b.between(110, 430),
    ]);
    b.line(`M${points.map((point) => point.join(" ")).join(" L")}`, "#9fb4ff", 1.5);
    for (const [x = 0, y = 0] of points) b.circle(x, y, 5, "#fff6d8");
    b.circle(b.between(720, 880), b.between(80, 160), b.between(24, 46), "#f5e9c8");
    b.ridge(560, 50, 9, "#04060f", true);
  },
  cup(b: Brush) {
    b.rect(0, 0, WIDTH, HEIGHT, b.color(3));
    b.rect(90, 50, 330, 310, b.color(4), `stroke="${b.color(1)}" stroke-width="14"`);
    b.line("M255 50 V360 M90 205 H420", b.color(1), 8);
    b.rect(0, 440, WIDTH, 160, b.color(1));
    const x = b.between(500, 640);
    const cup = b.random.pick(["#ffffff", "#e07a5f", "#81b29a", "#3d405b", "#f2cc8f"]);
    b.path(`M${x} 300 h190 l-24 150 h-142 z`, cup);
    b.line(`M${x + 186} 330 q66 6 44 62 q-16 26 -62 22`, cup, 18);
    b.path(`M${x} 300 h190 l-4 18 h-182 z`, "#5b3a29");
    for (const n of [0, 1, 2]) b.line(`M${x + 46 + n * 48} 280 q-22 -34 0 -66 q22 -32 0 -64`, "#ffffff", 6);
  },
  bowl(b: Brush) {
    b.rect(0, 0, WIDTH, HEIGHT, b.color(4));
    b.rect(0, 420, WIDTH, 180, b.color(2));
    for (let i = 0; i < 11; i++) {
      const fruit = b.random.pick(["#e63946", "#f4a261", "#e9c46a", "#90be6d", "#9d4edd", "#bc4749"]);
      const x = 300 + b.between(0, 360);
      const y = b.between(250, 340);
      b.circle(x, y, b.between(36, 56), fruit);
      b.line(`M${x} ${y - 40} q8 -18 18 -20`, "#5a4031", 5);
    }
    b.path("M210 340 h540 q-20 170 -190 176 h-160 q-170 -6 -190 -176z", b.color(0));
    b.path("M210 340 h540 l-3 22 h-534z", b.color(1));
  },
  bicycle(b: Brush) {
    b.rect(0, 0, WIDTH, HEIGHT, b.color(3));
    for (let y = 0; y < 470; y += 42)
      for (let x = (y / 42) % 2 === 0 ? 0 : -48; x < WIDTH; x += 96)
        b.rect(
          x + 3,
          y + 3,
          90,
          36,
          b.color(2),
          `opacity="${(0.35 + b.random.next() * 0.3).toFixed(2)}" rx="3"`,
        );
    b.rect(0, 470, WIDTH, 130, b.color(0));
    const frame = b.random.pick(["#d62828", "#003049", "#2a9d8f", "#f77f00", "#ffffff"]);
    for (const x of [300, 640]) {
      b.add(`<circle cx="${x}" cy="400" r="108" fill="none" stroke="#1d1d1d" stroke-width="10"/>`);
      for (let spoke = 0; spoke < 12; spoke++) {
        const angle = (spoke / 12) * 2 * Math.PI + b.random.next() * 0.1;
        b.line(
          `M${x} 400 L${(x + Math.cos(angle) * 104).toFixed(0)} ${(400 + Math.sin(angle) * 104).toFixed(0)}`,
          "#777",
          2,
        );
      }
    }
    b.line(
      "M300 400 L390 240 L590 240 L450 400 Z M390 240 L450 400 M590 240 L640 400 M590 240 L570 190 M370 205 L390 240",
      frame,
      13,
    );
    b.line("M340 200 h70 M540 188 h66 q22 4 20 30", "#2b2b2b", 12);
  },
  lighthouse(b: Brush) {
    b.sky(b.color(0), b.color(2));
    b.stars(40, 220);
    const x = b.between(580, 720);
    b.path(`M${x} 200 L0 ${b.between(60, 120)} L0 ${b.between(240, 300)} Z`, "#fff3c4", 'opacity="0.35"');
    b.path(`M${x - 34} 520 L${x - 20} 210 h40 L${x + 34} 520z`, "#fbf7ef");
    for (const y of [260, 350, 440]) b.path(`M${x - 24} ${y} h48 l3 38 h-54z`, "#c8453b");
    b.rect(x - 24, 172, 48, 40, "#ffe08a", 'rx="4"');
    b.path(`M${x - 30} 172 l30 -36 l30 36z`, "#2b2b3a");
    b.path(`M${x - 220} 600 q140 -110 260 -90 q140 10 260 90z`, "#20232e");
    b.rect(0, 560, WIDTH, 40, b.color(1));
  },
  train(b: Brush) {
    b.sky(b.color(1), b.color(3));
    b.circle(b.between(150, 400), 170, 52, b.color(4));
    b.ridge(420, 110, 6, b.color(2));
    b.rect(0, 400, WIDTH, 20, b.color(0));
    for (let x = 20; x < WIDTH; x += 150)
      b.path(`M${x} 600 V470 a60 60 0 0 1 120 0 V600 h30 V420 h-180 V600z`, b.color(0));
    const livery = b.random.pick(["#d62828", "#2a9d8f", "#f4a261", "#457b9d"]);
    for (const [n, x] of [60, 330, 600].entries()) {
      b.rect(x, 310, 260, 84, livery, 'rx="14"');
      for (let w = 0; w < 5; w++) b.rect(x + 22 + w * 46, 328, 32, 30, "#fff1c9", 'rx="4"');
      if (n === 2) b.path(`M${x + 230} 310 q60 10 66 84 h-66z`, livery);
      for (const wheel of [50, 210]) b.circle(x + wheel, 398, 14, "#1d1d1d");
    }
  },
  shelf(b: Brush) {
    b.rect(0, 0, WIDTH, HEIGHT, b.color(3));
    for (const y of [280, 540]) {
      for (let x = 40; x < 900; ) {
        if (b.random.chance(0.12)) {
          b.path(`M${x + 6} ${y} h52 l-8 -54 h-36z`, "#b5613c");
          for (const lean of [-34, 0, 34])
            b.path(
              `M${x + 32} ${y - 54} q${lean} -40 ${lean * 1.6} -90 q${-lean * 0.4} 60 ${-lean * 1.6} 90z`,
              "#5d8a57",
            );
          x += 76;
          continue;
        }
        const w = b.between(18, 44);
        const h = b.between(120, 200);
        b.rect(
          x,
          y - h,
          w,
          h,
          b.random.pick([
            "#264653",
            "#2a9d8f",
            "#e9c46a",
            "#f4a261",
            "#e76f51",
            "#6d597a",
            "#b56576",
            "#355070",
          ]),
          'rx="3"',
        );
        b.rect(x + 4, y - h + 18, w - 8, 6, "#fff", 'opacity="0.5"');
        x += w + 4;
      }
      b.rect(0, y, WIDTH, 22, b.color(1));
    }
  },
  desk(b: Brush) {
    b.rect(0, 0, WIDTH, HEIGHT, b.color(2));
    b.rect(0, 480, WIDTH, 120, b.color(0));
    b.rect(210, 90, 540, 340, "#20222e", 'rx="16"');
    b.rect(232, 112, 496, 296, "#11131c", 'rx="6"');
    for (let row = 0; row < 11; row++) {
      let x = 252 + (b.random.chance(0.5) ? 28 : 0) * b.between(0, 2);
      for (let word = 0; word < b.between(1, 5); word++) {
        const w = b.between(24, 90);
        b.rect(
          x,
          130 + row * 25,
          w,
          10,
          b.random.pick(["#7fdbca", "#c792ea", "#ffcb6b", "#82aaff", "#f78c6c", "#d6deeb"]),
          'rx="4"',
        );
        x += w + 12;
        if (x > 640) break;
      }
    }
    b.path("M440 430 h80 l16 52 h-112z", "#20222e");
    b.rect(300, 500, 360, 44, "#2c2f3e", 'rx="8"');
    b.circle(b.between(780, 850), 510, 34, b.random.pick(["#e07a5f", "#81b29a", "#f2cc8f"]));
  },
  bread(b: Brush) {
    b.rect(0, 0, WIDTH, HEIGHT, b.color(4));
    b.rect(0, 400, WIDTH, 200, "#a97c50");
    b.rect(120, 430, 720, 60, "#7d5632", 'rx="18"');
    const crust = b.random.pick(["#b5651d", "#c47a2c", "#9c5518"]);
    b.path("M200 440 q-30 -210 280 -220 q310 10 280 220z", crust);
    b.path("M230 430 q-10 -150 250 -168 q-180 40 -210 168z", "#e3a857", 'opacity="0.6"');
    for (let i = 0; i < b.between(3, 5); i++) b.line(`M${310 + i * 90} 330 q30 -60 64 -70`, "#f0cf94", 14);
    for (let i = 0; i < 40; i++)
      b.circle(b.between(140, 820), b.between(492, 580), b.between(1, 4), "#f0dcb4");
  },
};

function pine(b: Brush, x: number, ground: number, height: number, fill: string): void {
  const w = height * 0.36;
  for (const [from, to, width] of [
    [0, 0.5, 0.55],
    [0.22, 0.76, 0.8],
    [0.48, 1, 1],
  ] as const) {
    const top = ground - height * (1 - from);
    const bottom = ground - height * (1 - to);
    b.path(`M${x} ${top} L${x + (w * width) / 2} ${bottom} H${x - (w * width) / 2} Z`, fill);
  }
}
