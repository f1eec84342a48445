/** A blurred impression of a picture until it has loaded. */
import { decodeBlurHash } from "fast-blurhash";
import { useEffect, useRef } from "react";
import { whenIdle } from "../ui/idle.ts";

const SIDE = 24;

export default function Blur({ hash }: { hash: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const draw = () => {
      try {
        const context = canvas.current?.getContext("2d");
        if (!context) return;
        const pixels = new Uint8ClampedArray(decodeBlurHash(hash, SIDE, SIDE));
        context.putImageData(new ImageData(pixels, SIDE, SIDE), 0, 0);
      } catch {
        // A hash that isn't one leaves the plain background.
      }
    };
    return whenIdle(draw);
  }, [hash]);
  return <canvas ref={canvas} width={SIDE} height={SIDE} className="absolute inset-0 size-full" />;
}
