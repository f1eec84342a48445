const SIZE_BYTES = 64 * 1024;
const FREE_MOST = 64;

/**
 * Buffers for bytes that live for one answer. Made anew for each, they are garbage outside the heap, which the
 * collector is slow to see.
 */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /** The pieces, one after another. Whoever takes it gives it back when nobody reads it any more, or forgets it. */
  concat(pieces: readonly Buffer[]): Buffer {
    let sizeBytes = 0;
    for (const piece of pieces) sizeBytes += piece.length;
    if (sizeBytes > SIZE_BYTES) return Buffer.concat(pieces, sizeBytes);
    // Of its own, not of Node's pool: a slice of that one couldn't be told apart when it's given back.
    const whole = this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE_BYTES);
    let end = 0;
    for (const piece of pieces) {
      whole.set(piece, end);
      end += piece.length;
    }
    return whole.subarray(0, sizeBytes);
  }

  giveBack(used: Buffer): void {
    if (used.buffer.byteLength !== SIZE_BYTES || this.#free.length >= FREE_MOST) return;
    this.#free.push(Buffer.from(used.buffer, 0, SIZE_BYTES));
  }
}
