/** Our mark: a bird roosting on a wire before the low sun. */
import { useId } from "react";

export const BIRD =
  "M52 22l6.500 2.600-6 2.800c.4 10.600-6.300 19.600-16.500 20.800L16 52.500l9.500-8.200c2.300-10 4-15.300 8.300-20.800 5.200-6.700 14.400-8.300 18.200-1.500z";

export function Logo({ className = "" }: { className?: string }) {
  const id = useId();
  return (
    <svg viewBox="0 0 64 64" className={className} aria-hidden="true" focusable="false">
      <defs>
        <linearGradient id={`${id}s`} x2="0" y2="1">
          <stop stopColor="#2b2450" />
          <stop offset=".62" stopColor="#7a4d74" />
          <stop offset="1" stopColor="#e59866" />
        </linearGradient>
        <clipPath id={`${id}c`}>
          <rect width="64" height="64" rx="17" />
        </clipPath>
      </defs>
      <g clipPath={`url(#${id}c)`}>
        <rect width="64" height="64" fill={`url(#${id}s)`} />
        <circle cx="22" cy="40" r="13" fill="#f4b860" />
        <path d="M0 50q32 5 64-3" fill="none" stroke="#17142a" strokeWidth="3.200" />
        <path d={BIRD} fill="#17142a" />
        <circle cx="47" cy="23.600" r="1.700" fill="#f4b860" />
      </g>
    </svg>
  );
}

/** The small ornament of empty and ended lists. */
export function BirdOnWire({ className = "" }: { className?: string }) {
  return (
    <svg viewBox="0 0 160 64" className={className} aria-hidden="true" focusable="false">
      <circle cx="66" cy="42" r="13" className="fill-glow" />
      <path d="M0 46q80 14 160-4" fill="none" stroke="currentColor" strokeWidth="1.600" opacity=".55" />
      <g transform="translate(52 2) scale(.96)">
        <path d={BIRD} fill="currentColor" />
      </g>
    </svg>
  );
}
