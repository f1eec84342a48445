/**
 * Against guessing passwords: so many tries per account and network, and so many per network whatever account it tries.
 * Not per account alone, or anybody could lock anybody out. Counted whatever RATE_LIMITS says.
 */
import { isIPv6 } from "node:net";
import { type RateLimiterAbstract, RateLimiterRes } from "rate-limiter-flexible";
import { loginNameOf } from "../../accounts/credentials.ts";
import { RateLimited } from "../../core/errors.ts";
import type { MakeLimiter } from "../../core/limits.ts";

const PER_ACCOUNT = { points: 10, duration: 15 * 60 };
const PER_NETWORK = { points: 50, duration: 15 * 60 };
const MAX_KEY_CHARACTERS = 200;

export class SignInAttempts {
  readonly #perAccount: RateLimiterAbstract;
  readonly #perNetwork: RateLimiterAbstract;

  constructor(makeLimiter: MakeLimiter) {
    this.#perAccount = makeLimiter("sign-in-account", PER_ACCOUNT);
    this.#perNetwork = makeLimiter("sign-in-network", PER_NETWORK);
  }

  /** Runs `verify` and gives what it found; throws RateLimited instead when there were too many tries. */
  async run<Found>(
    by: { login: string; address: string },
    verify: () => Promise<Found | null>,
  ): Promise<Found | null> {
    const network = networkOf(by.address);
    const account = `${network} ${loginNameOf(by.login).toLowerCase()}`.slice(0, MAX_KEY_CHARACTERS);
    await consume(this.#perNetwork, network);
    await consume(this.#perAccount, account);
    const found = await verify();
    if (found !== null) {
      // Many people may sign in from behind one address; what was guessed wrong stays counted.
      await this.#perNetwork.reward(network);
      await this.#perAccount.delete(account);
    }
    return found;
  }
}

async function consume(limiter: RateLimiterAbstract, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    const minutes = Math.max(1, Math.ceil(refused.msBeforeNext / 60_000));
    throw new RateLimited(`Too many attempts: try again in ${minutes} min`, {
      retryAfterMs: refused.msBeforeNext,
    });
  }
}

/** An IPv6 customer has a /64 at least, and may use any address in it. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail ? tail.split(":") : [];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(Math.max(0, zeros)).fill("0"), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
