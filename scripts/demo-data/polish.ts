/** Chat as one would write it where others read along: shorthand spelled out, sentences begun and ended. */

/** Whole words only, in lower case; what means something else in its place is left as it is. */
const SPELLED: Readonly<Record<string, string>> = {
  i: "I",
  im: "I'm",
  ive: "I've",
  ill: "I'll",
  id: "I'd",
  u: "you",
  ur: "your",
  r: "are",
  ya: "you",
  dont: "don't",
  doesnt: "doesn't",
  didnt: "didn't",
  cant: "can't",
  wont: "won't",
  isnt: "isn't",
  arent: "aren't",
  wasnt: "wasn't",
  havent: "haven't",
  hasnt: "hasn't",
  couldnt: "couldn't",
  wouldnt: "wouldn't",
  shouldnt: "shouldn't",
  thats: "that's",
  whats: "what's",
  theres: "there's",
  youre: "you're",
  theyre: "they're",
  plz: "please",
  pls: "please",
  thx: "thanks",
  thnx: "thanks",
  tnx: "thanks",
  ty: "thank you",
  np: "no problem",
  yw: "you're welcome",
  idk: "I don't know",
  afaik: "as far as I know",
  iirc: "if I remember correctly",
  btw: "by the way",
  atm: "at the moment",
  prolly: "probably",
  dunno: "don't know",
  gonna: "going to",
  wanna: "want to",
  gotta: "have to",
  kinda: "kind of",
  tho: "though",
  cuz: "because",
  coz: "because",
  alot: "a lot",
  teh: "the",
  ppl: "people",
  sry: "sorry",
  yeah: "yes",
  yep: "yes",
  yup: "yes",
  yea: "yes",
  nope: "no",
};
const WORD = /(?<![\w/.@#$`'"=~-])[A-Za-z]+(?![\w/@#`'"=~-]|\.\w)/g;
const SMILEYS = /(^|\s)([:;=]-?[)(DPpOo/|\]]|[xX]D|\^_?\^|<3)(?=\s|$)/g;
const INTERJECTIONS =
  /(^|[,.]?\s)(lol|rofl|lmao|haha\w*|hehe\w*|heh|hmm+|umm*|erm?|well,|so,|argh|ugh|oops)(?=[\s,.!?]|$)[,.!]?/gi;

export function polish(text: string): string {
  const spelled = text
    .replace(SMILEYS, "$1")
    .replace(INTERJECTIONS, " ")
    .replace(WORD, (word) => {
      const full = SPELLED[word.toLowerCase()];
      // "ID", "R" and their like are no shorthand.
      return full === undefined || (word.length > 1 && word === word.toUpperCase()) ? word : full;
    })
    .replace(/[ \t]+/g, " ")
    .replace(/ ([,.!?])(?=\s|$)/g, "$1")
    .trim();
  return spelled.split("\n").map(sentence).filter(Boolean).join("\n");
}

const STARTS_AS_CODE =
  /^(\S*[/_=$<>~|`-]\S*|sudo|apt|apt-get|dpkg|lspci|modprobe|ifconfig|gksudo|nvidia|xorg|grub|ssh|vim|chmod|chown|mount|lsusb|dmesg|man)\b/;

/** Begun with a capital letter and ended with a mark, unless it is a command. */
function sentence(line: string): string {
  const trimmed = line.trim();
  if (trimmed === "" || STARTS_AS_CODE.test(trimmed)) return trimmed;
  const begun = trimmed.replace(/^["'(]*[a-z]/, (letter) => letter.toUpperCase());
  if (/[\w)"']$/.test(begun) && begun.split(" ").length >= 4 && !/[/_=-]\S*$/.test(begun)) {
    return /^(what|how|why|where|who|when|which|is|are|do|does|did|can|could|would|should|has|have|any|will|am)\b/i.test(
      begun,
    )
      ? `${begun}?`
      : `${begun}.`;
  }
  return begun;
}

const ROUGH =
  /\b(dude|bro|guys|omg|sigh|rtfm|newb\w*|windoze|winblows|m\$|hai|wat|nvm|brb|sup|huh|cos|fu|wth|heck|sexy|girl\w*|babe|fat|ugly|poop|fart|puke|blood|war|kill\w*|dead|evil|devil|pray|church|racis\w*|beer|vodka|whiskey|gf|married|divorce|religio\w*|politic\w*|american\w*|french\w*|german\w*|indian\w*|chinese|russian\w*|british|english|annoy\w*|rude|ass\w*|worst|terribl\w*|garbage|rubbish|useless|ignor\w*|liar|lies|shame)\b|[a-z]?[%^&*$]{2,}|[?!]{2,}|(?<same>.)\k<same>{3,}/i;
const SHOUTED = /\b[A-Z]{4,}\b.*\b[A-Z]{4,}\b/;
const MIN_ROOT = 45;
const MAX_ROOT = 300;
const MAX_POSTS = 10;
const MIN_ANSWER = 18;

interface Said {
  readonly author: number;
  /** Without whom it is addressed to. */
  readonly words: string;
}

/**
 * Whether a thread is worth being seen first: a question or a statement that stands by itself, answered by somebody
 * else, in whole sentences and without a rough word.
 */
export function readsWell([root, ...rest]: readonly Said[]): boolean {
  if (!root || rest.length >= MAX_POSTS || !rest.some(({ author }) => author !== root.author)) return false;
  if (root.words.length < MIN_ROOT || root.words.length > MAX_ROOT) return false;
  if (!/^["'(]?[A-Z]/.test(root.words) || !/[.?!)]$/.test(root.words)) return false;
  if (root.words.split("\n").length > 2) return false;
  if ([root, ...rest].some(({ words }) => ROUGH.test(words) || SHOUTED.test(words))) return false;
  const long = rest.filter(({ words }) => words.length >= MIN_ANSWER).length;
  return long >= rest.length * 0.6;
}
