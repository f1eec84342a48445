/** The demo user's own life: some posts, the answers they got, and what became notifications. Our own words. */

import { seededRandom } from "../core/random.ts";
import type { Corpus } from "./corpus.ts";
import type { World, WorldAccount, WorldStatus } from "./world.ts";

export const DEMO_LOGIN = {
  email: "demo@example.org",
  password: "roost-demo",
  username: "demo",
  name: "Robin",
} as const;

export interface Guest {
  readonly notifications: GuestNotification[];
  readonly bookmarks: WorldStatus[];
  readonly lists: { readonly title: string; readonly members: WorldAccount[] }[];
}

interface GuestNotification {
  readonly type: "mention" | "favourite" | "reblog" | "follow";
  readonly from: WorldAccount;
  readonly status: WorldStatus | null;
  readonly atMs: number;
}

interface GuestPost {
  readonly minutesAgo: number;
  readonly text: string;
  readonly answers: readonly string[];
  /** What the demo user says to the first answer. */
  readonly reply?: string;
}

const HOUR = 60;
const DAY = 24 * HOUR;

const POSTS: readonly GuestPost[] = [
  {
    minutesAgo: 26 * DAY + 95,
    text: "Hello, Roost! Just settled in. Which three things do you set up first on a fresh install?",
    answers: [
      "backups, backups, and then a nice wallpaper. welcome!",
      "ssh keys, a firewall, and a terminal font you can bear to look at all day",
      "coffee first. then the other two",
    ],
    reply: "The wallpaper went first, I'm afraid. Backups tonight, promise.",
  },
  {
    minutesAgo: 19 * DAY + 410,
    text: "Moved the home server from the cupboard to the shelf. Nine degrees cooler, and the cat has lost its favourite place. #homelab",
    answers: ["have you considered heating the cupboard separately, for the cat"],
  },
  {
    minutesAgo: 12 * DAY + 250,
    text: "Does anyone else keep a text file of commands they look up every single time? Mine begins with tar.",
    answers: [
      "tar -xzf: eXtract Ze Files. You're welcome.",
      "mine is just find, with forty different endings",
    ],
    reply: "I will never forget this one. Thank you?",
  },
  {
    minutesAgo: 6 * DAY + 130,
    text: "Small victory: suspend works. On the first try. I don't want to talk about what I did to deserve it. #linux",
    answers: ["and resume?"],
    reply: "One thing at a time.",
  },
  { minutesAgo: 3 * DAY + 55, text: "Reading old support threads is my comfort television.", answers: [] },
  {
    minutesAgo: 30 * HOUR,
    text: "What is your most useful alias? Mine is gs for git status, usually followed by regret.",
    answers: [
      "alias please='sudo'. it costs nothing to be polite",
      "ll, since forever. muscle memory has opinions",
      "cd.. without the space. typed it wrong for years, then made it right",
    ],
  },
  {
    minutesAgo: 5 * HOUR + 12,
    text: "Bird count from the balcony this morning: two wrens, one robin, eleven pigeons, one very tired sysadmin. #birds",
    answers: ["the rarest of them all! did it sing?"],
  },
  {
    minutesAgo: 41,
    text: "Upgraded everything this morning, and it still boots. Suspicious.",
    answers: ["don't say that out loud", "check again after the second reboot"],
  },
];

const MINUTE_MS = 60_000;
const SEED = 11;
const LISTS = [
  { title: "Night owls", members: 14 },
  { title: "Always helpful", members: 22 },
];
const BOOKMARKS = 9;
const OWN_FAVOURITES = 45;
const OWN_BOOSTS = 4;

/** Adds the demo user's statuses, favourites and boosts to the world; resolves to the rest. */
export function addGuest(world: World, corpus: Corpus, nowMs: number): Guest {
  const random = seededRandom(SEED);
  const account = (place: number) => world.accounts[place] ?? world.demo;
  const circle = corpus.demo.follows.map(account);
  const followers = corpus.demo.followers.map(account);
  const followed = new Set(circle);
  // Before the demo user's own posts join them.
  const read = world.statuses.filter(
    ({ author, inReplyTo, reblogOf, text }) =>
      followed.has(author) && !inReplyTo && !reblogOf && text.length > 70,
  );
  const notifications: GuestNotification[] = world.follows
    .filter((follow) => follow.followee === world.demo)
    .map((follow) => ({ type: "follow", from: follow.follower, status: null, atMs: follow.atMs }));

  for (const post of POSTS) {
    const answering = random.shuffle([...circle]);
    const said = publishWithAnswers(world, post, answering, nowMs);
    for (const status of said.answers) {
      notifications.push({ type: "mention", from: status.author, status, atMs: status.atMs });
    }
    const liking = random.shuffle([...followers]).slice(0, 3 + random.below(12));
    liking.forEach((from, index) => {
      const atMs = said.post.atMs + Math.floor((index + 1) ** 1.7 * (20_000 + random.below(60_000)));
      if (atMs >= nowMs) return;
      const isBoost = index % 5 === 3;
      notifications.push({ type: isBoost ? "reblog" : "favourite", from, status: said.post, atMs });
      if (isBoost) addBoost(world, from, said.post, atMs);
      else world.favourites.push({ account: from, status: said.post, atMs });
    });
  }
  for (const status of random.shuffle([...read]).slice(0, OWN_FAVOURITES)) {
    world.favourites.push({
      account: world.demo,
      status,
      atMs: Math.min(nowMs, status.atMs + 5 * MINUTE_MS),
    });
  }
  for (const status of random.shuffle([...read]).slice(0, OWN_BOOSTS)) {
    addBoost(world, world.demo, status, Math.min(nowMs - MINUTE_MS, status.atMs + 9 * MINUTE_MS));
  }
  notifications.sort((a, b) => a.atMs - b.atMs);
  return {
    notifications,
    bookmarks: random.shuffle([...read]).slice(0, BOOKMARKS),
    lists: LISTS.map(({ title, members }) => ({
      title,
      members: random.shuffle([...circle]).slice(0, members),
    })),
  };
}

function publishWithAnswers(
  world: World,
  { minutesAgo, text, answers, reply }: GuestPost,
  answering: readonly WorldAccount[],
  nowMs: number,
): { post: WorldStatus; answers: WorldStatus[] } {
  const { demo } = world;
  const add = (status: Omit<WorldStatus, "id">) => {
    const made = world.makeStatus(status);
    world.statuses.push(made);
    return made;
  };
  const post = add({
    atMs: nowMs - minutesAgo * MINUTE_MS,
    author: demo,
    text,
    inReplyTo: null,
    reblogOf: null,
  });
  const answered = answers.map((answer, index) =>
    add({
      atMs: post.atMs + (index + 1) ** 2 * 4 * MINUTE_MS + index * 17_000,
      author: answering[index] ?? demo,
      text: `@${demo.username} ${answer}`,
      inReplyTo: post,
      reblogOf: null,
    }),
  );
  const first = answered[0];
  if (reply && first) {
    const atMs = first.atMs + 3 * MINUTE_MS;
    add({ atMs, author: demo, text: `@${first.author.username} ${reply}`, inReplyTo: first, reblogOf: null });
  }
  return { post, answers: answered };
}

function addBoost(world: World, author: WorldAccount, reblogOf: WorldStatus, atMs: number): void {
  if (world.statuses.some((status) => status.reblogOf === reblogOf && status.author === author)) return;
  world.statuses.push(world.makeStatus({ atMs, author, text: "", inReplyTo: null, reblogOf }));
}
