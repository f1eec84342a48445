/** Ascending, unique ids in 8 bytes each. Made for appends at the newest end and reads from there. */
export class PackedIds {
  #ids: BigInt64Array;
  #start = 0;
  #end = 0;

  constructor(capacity: number) {
    this.#ids = new BigInt64Array(Math.max(8, capacity));
  }

  /** From ids in descending order. */
  static from(descendingIds: readonly bigint[]): PackedIds {
    const packed = new PackedIds(descendingIds.length + 16);
    for (let i = descendingIds.length - 1; i >= 0; i--) packed.insert(descendingIds[i] as bigint);
    return packed;
  }

  get size(): number {
    return this.#end - this.#start;
  }

  get sizeBytes(): number {
    return this.#ids.byteLength;
  }

  oldest(): bigint | undefined {
    return this.size === 0 ? undefined : this.#ids[this.#start];
  }

  /** False when it was there already. */
  insert(id: bigint): boolean {
    const at =
      this.size === 0 || (this.#ids[this.#end - 1] as bigint) < id ? this.#end : this.#lowerBound(id);
    if (at < this.#end && this.#ids[at] === id) return false;
    const index = at - this.#start;
    if (this.#end === this.#ids.length) this.#makeRoom();
    const place = this.#start + index;
    this.#ids.copyWithin(place + 1, place, this.#end);
    this.#ids[place] = id;
    this.#end++;
    return true;
  }

  remove(id: bigint): void {
    const at = this.#lowerBound(id);
    if (at === this.#end || this.#ids[at] !== id) return;
    this.#ids.copyWithin(at, at + 1, this.#end);
    this.#end--;
  }

  dropOldest(): void {
    this.#start++;
  }

  /** Newest first, below `before`, at most `limit`. */
  newestBelow(before: bigint | null, limit: number): bigint[] {
    const top = before === null ? this.#end : this.#lowerBound(before);
    const found: bigint[] = [];
    for (let i = top - 1; i >= this.#start && found.length < limit; i--) found.push(this.#ids[i] as bigint);
    return found;
  }

  /** Position of the first id >= `id`. */
  #lowerBound(id: bigint): number {
    let low = this.#start;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as bigint) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #makeRoom(): void {
    const size = this.size;
    // Room freed by trimming at the old end is used again before more is asked for.
    const target = size * 8 <= this.#ids.length * 7 ? this.#ids : new BigInt64Array(this.#ids.length * 2);
    target.set(this.#ids.subarray(this.#start, this.#end), 0);
    this.#ids = target;
    this.#start = 0;
    this.#end = size;
  }
}
