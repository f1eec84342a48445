/** A flock settling on wires at dusk. Its upper edge is the colour of the sky above it. */
import { BIRD } from "../ui/logo.tsx";

/** Where a bird sits, how big it is, and which way it looks. The middle is what narrow screens show. */
const PERCHED = [
  [96, 74, 0.62, 1],
  [262, 93, 0.7, 1],
  [318, 96, 0.62, -1],
  [352, 97, 0.66, 1],
  [462, 93, 0.72, -1],
  [634, 77, 0.6, -1],
  [168, 150, 0.86, 1],
  [412, 164, 0.92, 1],
  [560, 156, 0.8, -1],
] as const;
const FLYING = [
  [372, 28, 0.9],
  [418, 14, 0.7],
  [452, 36, 0.6],
  [498, 20, 0.8],
  [214, 30, 0.6],
] as const;
const STARS = [
  [60, 22, 1.2],
  [148, 12, 0.9],
  [292, 20, 1],
  [566, 12, 1.1],
  [700, 30, 0.9],
  [642, 8, 1.2],
] as const;

export function DuskScene({ className }: { className: string }) {
  return (
    <svg
      viewBox="0 0 760 260"
      preserveAspectRatio="xMidYMax slice"
      className={className}
      aria-hidden="true"
      focusable="false"
    >
      <defs>
        <linearGradient id="dusk-sky" x2="0" y2="1">
          <stop stopColor="#211b40" />
          <stop offset=".3" stopColor="#45315f" />
          <stop offset=".62" stopColor="#94566f" />
          <stop offset=".86" stopColor="#e39361" />
          <stop offset="1" stopColor="#f4bb70" />
        </linearGradient>
        <radialGradient id="dusk-glow">
          <stop stopColor="#ffdca0" stopOpacity=".85" />
          <stop offset="1" stopColor="#ffdca0" stopOpacity="0" />
        </radialGradient>
      </defs>
      <rect width="760" height="260" fill="url(#dusk-sky)" />
      <circle cx="470" cy="206" r="150" fill="url(#dusk-glow)" />
      <circle cx="470" cy="206" r="46" fill="#ffd795" />
      <g fill="#fff" opacity=".6">
        {STARS.map(([x, y, r]) => (
          <circle key={x} cx={x} cy={y} r={r} />
        ))}
      </g>
      <path d="M0 222q130-34 270-14t240-4 250 4v60H0z" fill="#4a2c4f" opacity=".75" />
      <path d="M0 240q160-26 330-8t430-4v40H0z" fill="#1d1730" />
      <g stroke="#17122a" fill="none">
        <path d="M0 70q380 56 760-12" strokeWidth="1.800" />
        <path d="M0 142q380 52 760-16" strokeWidth="2.400" />
        <path d="M690 30v230M666 54h48M672 122h36" strokeWidth="6" strokeLinecap="round" />
      </g>
      <g fill="#17122a">
        {PERCHED.map(([x, y, size, facing]) => (
          <path
            key={x}
            d={BIRD}
            transform={`translate(${x} ${y}) scale(${size * facing} ${size}) translate(-34 -47)`}
          />
        ))}
      </g>
      <g fill="none" stroke="#17122a" strokeLinecap="round" strokeWidth="2.600">
        {FLYING.map(([x, y, size]) => (
          <path key={x} d="M0 0q9-11 17 0 8-11 17 0" transform={`translate(${x} ${y}) scale(${size})`} />
        ))}
      </g>
    </svg>
  );
}
