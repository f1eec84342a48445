/** A flock settling on wires at dusk. */
const PERCHED =
  "M52 22l6.500 2.600-6 2.800c.4 10.600-6.300 19.600-16.500 20.800L16 52.500l9.500-8.200c2.300-10 4-15.300 8.300-20.800 5.200-6.700 14.400-8.300 18.200-1.500z";

const ON_UPPER = [
  [128, 151, 0.62, 1],
  [176, 159, 0.56, -1],
  [446, 172, 0.66, 1],
  [508, 165, 0.58, -1],
  [566, 158, 0.6, -1],
] as const;
const ON_LOWER = [
  [232, 232, 0.8, 1],
  [640, 224, 0.74, -1],
] as const;
const FLYING = [
  [250, 70, 1],
  [300, 48, 0.8],
  [345, 74, 0.7],
  [392, 40, 0.9],
  [442, 66, 0.6],
] as const;

export function DuskScene({ className }: { className: string }) {
  return (
    <svg
      viewBox="0 0 760 380"
      preserveAspectRatio="xMidYMid slice"
      className={className}
      aria-hidden="true"
      focusable="false"
    >
      <defs>
        <linearGradient id="dusk-sky" x2="0" y2="1">
          <stop stopColor="#1c1838" />
          <stop offset=".4" stopColor="#43305f" />
          <stop offset=".7" stopColor="#8d5473" />
          <stop offset=".88" stopColor="#dd8b62" />
          <stop offset="1" stopColor="#f2b46a" />
        </linearGradient>
        <radialGradient id="dusk-glow">
          <stop stopColor="#ffd79a" stopOpacity=".9" />
          <stop offset="1" stopColor="#ffd79a" stopOpacity="0" />
        </radialGradient>
      </defs>
      <rect width="760" height="380" fill="url(#dusk-sky)" />
      <circle cx="560" cy="300" r="190" fill="url(#dusk-glow)" />
      <circle cx="560" cy="300" r="62" fill="#ffd08a" />
      <g fill="#fff" opacity=".55">
        <circle cx="70" cy="50" r="1.300" />
        <circle cx="160" cy="26" r="1" />
        <circle cx="520" cy="36" r="1.200" />
        <circle cx="690" cy="60" r="1" />
        <circle cx="620" cy="22" r="1.400" />
        <circle cx="36" cy="112" r="1" />
      </g>
      <path d="M0 330q120-46 250-22t240-4 270 6v70H0z" fill="#3a2549" opacity=".7" />
      <path d="M0 352q160-34 330-12t430-4v44H0z" fill="#1d1730" />
      <g stroke="#171228" fill="none">
        <path d="M0 160q380 56 760-18" strokeWidth="2" />
        <path d="M0 238q380 60 760-26" strokeWidth="2.600" />
        <path d="M702 96v284M676 118h52M680 196h44" strokeWidth="7" strokeLinecap="round" />
      </g>
      <g fill="#171228">
        {[...ON_UPPER, ...ON_LOWER].map(([x, y, size, facing]) => (
          <path
            key={x}
            d={PERCHED}
            transform={`translate(${x} ${y}) scale(${size * facing} ${size}) translate(-36 -30)`}
          />
        ))}
      </g>
      <g fill="none" stroke="#171228" strokeLinecap="round" strokeWidth="3">
        {FLYING.map(([x, y, size]) => (
          <path key={x} d="M0 0q9-11 17 0 8-11 17 0" transform={`translate(${x} ${y}) scale(${size})`} />
        ))}
      </g>
    </svg>
  );
}
