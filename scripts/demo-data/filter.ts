/** What is left out of the demo. Modest word filters over unmoderated chat: they err on the side of leaving out. */

const MAX_CHARACTERS = 460;
const MIN_CHARACTERS_ALONE = 26;
const MIN_WORDS_ALONE = 5;
const MIN_LETTERS = 3;

/** Stems, matched from the start of a word. */
const OFFENSIVE_STEMS =
  "fuck|fck|fuk|wtf|stfu|shit|sh1t|bitch|bastard|asshole|arse|dick|cock|cunt|pussy|whore|slut|fag|nigg|retard|spastic|" +
  "rape|porn|nude|naked|sex|penis|vagina|boob|tits|horny|kill yourself|kys|suicid|nazi|hitler|jew|muslim|islam|" +
  "christian|terroris|bomb|negro|gay|homo|lesbian|tranny|crap|damn|piss|bugger|bollock|wank|screw you|hell|" +
  "idiot|moron|stupid|dumb|fool|loser|noob|n00b|troll|lame|suck|shut up|hate|drug|cocaine|weed|crack|drunk|" +
  "kill all|murder|death|die|gun|ass|omfg|ffs|goddam|goddamn|gae|bloody|freakin|friggin|pron|twat|prick|douche|jerk|pimp|hooker|orgy|incest|pedo|molest|paki|spic|kike|dyke|tard|jesus|christ|allah|obama|bush|trump|warez|pirat|torrent|" +
  "keygen|serial key|hack into|hacker|ddos|milf|virgin|blow ?job|smok";
const OFFENSIVE = new RegExp(
  `\\b(${OFFENSIVE_STEMS})(s|es|ed|ing|er|ers|y|in)?\\b|f\\*|s\\*\\*|fuck|shit|nigg|bitch|faggot|retard|cunt`,
  "i",
);

const PERSONAL = [
  /\S+@\S+\.\S+|user@|@host/i,
  /203\.0\.113|\b\d{1,3}(\.\d{1,3}){3}\b|([0-9a-f]{2}:){5}[0-9a-f]{2}/i,
  /\+?\d[\d ()-]{8,}\d/,
  /\b(my|his|her|real|full) (real |full |last |first )?(name|age|birthday|address|phone|number|e-?mail|school|boss|wife|husband|girlfriend|boyfriend|gf|kids?|son|daughter|mom|mum|mother|father|dad)\b/i,
  /\b(years? old|y\/o|i live|i'm from|i am from|im from|where are you from|i work (at|for)|call me|skype me|facebook|password is)\b/i,
  // "Thanks Matt": a name that the anonymisation didn't see.
  /\b([Tt]hanks?|[Tt]hank you|[Tt]hx|[Hh]i|[Hh]ello|[Hh]ey|[Bb]ye|[Ss]orry|[Cc]heers|[Oo]k|[Mm]r|[Yy]es|[Nn]o),? [A-Z][a-z]+\b/,
];

/** Talk about the chat itself, bots' commands and pasted noise. */
const NOISE = [
  /\brm -\w*r\w* \S*\*?\s*\/(\s|$|\*)|:\(\)\s*\{|of=\/dev|\bmkfs|<@|-->|<--/,
  /^[!/.~?]/,
  /https?:|www\.|ftp:|\.example\b/i,
  /\b(irc|nick|nicks|channel|chan|ops?|kick|ban|banned|flood|pastebin|paste|pasted|factoid|ubott?u|bot|bots|msg|pm|lart|seen|freenode|xchat|pidgin|spam|rofl|lmao|english|asl|caps|ignore list|offtopic|off-topic|topic)\b/i,
  /#(u|ku|xu|edu)?buntu|#\w+-\w+|##/,
  /\b(here is|this is) not\b|\banyone (alive|there|here)\b|\bhello\?*$/i,
  /(.)\1{4,}|[^\w\s'",.?!:;()/+-]{4,}/,
  /[|<>{}[\]\\^`]{2,}|\b[0-9a-f]{12,}\b|0x[0-9a-f]{4,}/i,
];

/** A name in front, as one addresses somebody in chat, that wasn't recognised as one. */
const UNKNOWN_ADDRESSEE =
  /^(?!(yes|no|ok|okay|so|and|but|question|problem|note|ps|edit|error|solution|update|hint|tip|result)[:] )[^\s@]{2,20} ?: /im;
const CAMEL_CASE_ADDRESSEE = /^(?=\S*[a-z])\S+[A-Z0-9_|-]\S*, /;

/** Of a text without the addressee in front of it. */
export function isFit(text: string): boolean {
  if (text.length > MAX_CHARACTERS) return false;
  // Colour codes and the like.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufffd]/.test(text)) return false;
  if ((text.match(/[a-z]/gi)?.length ?? 0) < MIN_LETTERS) return false;
  if ((text.match(/[^\x20-\x7e\n]/g)?.length ?? 0) > text.length / 20) return false;
  if (text.length > 12 && text === text.toUpperCase()) return false;
  if (UNKNOWN_ADDRESSEE.test(text) || CAMEL_CASE_ADDRESSEE.test(text) || OFFENSIVE.test(text)) return false;
  return ![...PERSONAL, ...NOISE].some((pattern) => pattern.test(text));
}

/** Whether it says something by itself, without the post it answers. */
export function standsAlone(text: string): boolean {
  return text.length >= MIN_CHARACTERS_ALONE && text.split(/\s+/).length >= MIN_WORDS_ALONE;
}
