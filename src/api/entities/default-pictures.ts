/** Pictures for accounts without their own: a bird whose colours and build follow from the account's id. */

const SKIES = [
  ["#27214d", "#e6845e"],
  ["#1d2f4f", "#f0b65a"],
  ["#40264e", "#f2767a"],
  ["#163f4d", "#f3c069"],
  ["#352a5e", "#e89ab0"],
  ["#22434a", "#e2a15b"],
  ["#4a2545", "#f6b17a"],
  ["#1f2a56", "#9fc5e8"],
] as const;
const PLUMAGES = [
  "#f7efe3",
  "#ffd27d",
  "#f28f79",
  "#9ad1c4",
  "#c9b6f2",
  "#f4a6b8",
  "#a9c7f5",
  "#e8e37f",
] as const;

/** A few bits of the id, well spread: neighbours in id look unlike. */
function traits(id: bigint): (from: number, count: number) => number {
  const mixed = BigInt.asUintN(64, (id ^ (id >> 31n)) * 0x9e3779b97f4a7c15n);
  const bits = mixed ^ (mixed >> 29n);
  return (from, count) => Number((bits >> BigInt(from)) & ((1n << BigInt(count)) - 1n));
}

/** 400 × 400. */
export function avatarSvg(id: bigint): string {
  const pick = traits(id);
  const [dusk, glow] = SKIES[pick(3, 3)] ?? SKIES[0];
  const body = PLUMAGES[pick(7, 3)] ?? PLUMAGES[0];
  const wing = PLUMAGES[pick(11, 3)] === body ? dusk : (PLUMAGES[pick(11, 3)] ?? dusk);
  const sunX = 80 + pick(15, 4) * 16;
  const roundness = 92 + pick(20, 4) * 2;
  const mirrored = pick(25, 1) === 1 ? "translate(400 0) scale(-1 1)" : "";
  const crest = pick(27, 1) === 1 ? `<path d="M232 118q6-34 30-40-6 20 2 44z" fill="${wing}"/>` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400"><defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="${dusk}"/><stop offset="1" stop-color="${glow}"/></linearGradient></defs><rect width="400" height="400" fill="url(#s)"/><circle cx="${sunX}" cy="292" r="62" fill="#fff" opacity=".22"/><g transform="${mirrored}"><path d="M0 330q100-18 200-6t200-10" fill="none" stroke="${dusk}" stroke-width="10"/><path d="M96 262l-52 36 66-6z" fill="${wing}"/><ellipse cx="192" cy="232" rx="${roundness}" ry="86" fill="${body}"/>${crest}<circle cx="244" cy="162" r="56" fill="${body}"/><path d="M296 152l40 16-42 14z" fill="#f0a33c"/><circle cx="258" cy="152" r="9" fill="#1b1830"/><circle cx="261" cy="149" r="3" fill="#fff"/><path d="M112 218q58-38 112 10-40 62-112-10z" fill="${wing}"/><path d="M178 314v18m30-20v18" stroke="#f0a33c" stroke-width="8" stroke-linecap="round"/></g></svg>`;
}

/** 1500 × 500. */
export function headerSvg(id: bigint): string {
  const pick = traits(id);
  const [dusk, glow] = SKIES[pick(3, 3)] ?? SKIES[0];
  const sunX = 250 + pick(15, 4) * 65;
  const birds = Array.from({ length: 3 + pick(30, 2) }, (_, i) => {
    const x = 120 + ((pick(33 + i * 3, 5) * 41 + i * 330) % 1280);
    const y = 80 + pick(20 + i * 2, 4) * 9;
    return `<path d="M${x} ${y}q14-14 26 0 12-14 26 0" fill="none" stroke="#fff" stroke-opacity=".7" stroke-width="4" stroke-linecap="round"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1500 500" preserveAspectRatio="xMidYMid slice"><defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="${dusk}"/><stop offset="1" stop-color="${glow}"/></linearGradient></defs><rect width="1500" height="500" fill="url(#s)"/><circle cx="${sunX}" cy="410" r="120" fill="#fff" opacity=".2"/><path d="M0 430q375-90 750-20t750-30v120H0z" fill="${dusk}" opacity=".55"/><path d="M0 470q375-60 750-10t750-20v60H0z" fill="${dusk}"/>${birds.join("")}</svg>`;
}
