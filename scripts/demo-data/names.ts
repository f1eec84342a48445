/** People for the pseudonyms of the corpus: invented, of birds and what one says of them. */
import { mix32, type Random } from "../../src/core/random.ts";

export interface Person {
  readonly username: string;
  readonly displayName: string;
  readonly bio: string;
}

const words = (list: string) => list.trim().split(/\s+/);

const BIRDS = words(`
  Avocet Auk Babbler Barbet Bittern Blackbird Blackcap Bluebird Bluetail Bobolink Brambling Brant Bulbul Bullfinch Bunting
  Bustard Buzzard Canary Cardinal Catbird Chaffinch Chickadee Chiffchaff Chough Condor Coot Cormorant Corncrake Courser
  Cowbird Crane Creeper Crossbill Crow Cuckoo Curlew Dabchick Darter Dipper Dotterel Dove Dunlin Dunnock Eagle Egret Eider
  Falcon Fantail Fieldfare Finch Firecrest Flamingo Flicker Flycatcher Fulmar Gadwall Gannet Garganey Goldcrest Goldfinch
  Goose Goshawk Grebe Greenfinch Grosbeak Grouse Guillemot Gull Harrier Hawk Heron Hobby Honeyguide Hoopoe Hornbill
  Hummingbird Ibis Jacana Jackdaw Jay Junco Kestrel Killdeer Kingbird Kingfisher Kinglet Kite Kittiwake Knot Kookaburra
  Lapwing Lark Linnet Longspur Loon Magpie Mallard Martin Meadowlark Merganser Merlin Mockingbird Moorhen Myna Nighthawk
  Nightingale Nightjar Nutcracker Nuthatch Oriole Osprey Ouzel Owl Oxpecker Parakeet Parrot Partridge Peacock Pelican
  Penguin Peregrine Petrel Phalarope Pheasant Phoebe Pigeon Pintail Pipit Plover Pochard Ptarmigan Puffin Quail Quetzal
  Rail Raven Razorbill Redpoll Redshank Redstart Redwing Roadrunner Robin Roller Rook Rosefinch Ruff Sanderling Sandpiper
  Scaup Scoter Seriema Serin Shearwater Shelduck Shrike Siskin Skimmer Skua Skylark Smew Snipe Sparrow Spoonbill Starling
  Stilt Stint Stonechat Stork Swallow Swan Swift Tanager Tattler Teal Tern Thrush Titmouse Toucan Towhee Treecreeper
  Turaco Turnstone Twite Veery Vireo Wagtail Warbler Waxbill Waxwing Weaver Wheatear Whimbrel Whinchat Whitethroat Wigeon
  Willet Woodcock Woodlark Woodpecker Wren Wryneck Yellowhammer`);

const QUALITIES = words(`
  Amber Ancient April Arctic Ashen Autumn Azure Bashful Blithe Blue Bold Breezy Bright Brisk Bronze Calm Candid Cedar
  Cheerful Chestnut Clever Cobalt Copper Coral Cosy Crimson Curious Dapper Dappled Daring Dawn Dusky Eager Early Earnest
  Ember Evening Fabled Feathered Fern Fleet Foggy Frosty Gentle Gilded Glad Golden Hasty Hazel Hidden Highland Honest
  Humble Indigo Island Ivory Jade Jolly Keen Kindly Lantern Late Lively Lofty Lone Lowland Lucky Lunar Maple Marble Mellow
  Merry Midnight Mild Misty Modest Moonlit Morning Mossy Nimble Noble Northern Ochre Odd Olive Opal Patient Pebble Plain
  Plucky Polite Proud Quick Quiet Rainy Ready Restless River Roaming Rosy Russet Rusty Sable Saffron Salty Sandy Scarlet
  Serene Shy Silent Silver Sleepy Slow Snowy Solar Southern Spring Spry Steady Stormy Summer Sunlit Sunny Tawny Tender
  Thoughtful Tidal Tidy Tiny Twilight Upland Velvet Verdant Violet Wandering Warm Western Whistling Wild Willow Winter
  Wise Witty Wry Young Zesty`);

const GIVEN = words(`
  Ada Aiko Alma Amara Anouk Arlo Asha Astrid Bela Bruno Carmen Cleo Dario Dina Edda Eino Elif Emil Esme Farid Fleur Freya
  Gita Hana Hugo Ida Ilse Imani Inez Ivo Jonas Juno Kaia Kofi Lars Leila Lena Linus Luca Mara Mateo Mei Mika Milo Mina Nadia
  Nico Nils Nora Noor Odile Olga Omar Oona Otto Paloma Petra Priya Quinn Rafa Remi Rosa Ruben Runa Sami Sanna Selma Silas
  Sofia Soren Tamsin Tariq Tessa Theo Tilda Uma Vera Viggo Wanda Willa Xenia Yara Yuki Zara Zeno`);

const PLACES = words(`
  Fen Moor Marsh Shore Heath Harbour Meadow Orchard Hedge Reef Glade Quarry Ridge Delta Dunes Eaves Lagoon Mill Pier Thicket`);

const SIGNS = [
  "🌿",
  "🪶",
  "🌊",
  "☕",
  "🐧",
  "🌙",
  "🍂",
  "🎧",
  "📡",
  "🚲",
  "🥾",
  "🔧",
  "🌱",
  "📚",
  "🎲",
  "🧭",
];

const TRADES = words(`
  sysadmin gardener librarian teacher cyclist student tinkerer baker photographer carpenter translator musician botanist
  nurse cartographer potter electrician astronomer beekeeper archivist`);
const LIKES = [
  "old laptops",
  "window managers",
  "bird song at dawn",
  "mechanical keyboards",
  "strong coffee",
  "night trains",
  "tidy config files",
  "shell one-liners",
  "home servers",
  "fountain pens",
  "synthesizers",
  "long walks",
  "green tea",
  "small computers",
  "open hardware",
  "maps",
  "board games",
  "radio",
  "sourdough",
  "film cameras",
  "quiet fans",
  "kernel changelogs",
  "dotfiles",
  "thunderstorms",
  "public libraries",
  "bicycle repair",
];
const VERBS = [
  "Fixing",
  "Breaking",
  "Collecting",
  "Learning about",
  "Writing about",
  "Thinking about",
  "Restoring",
  "Talking about",
];
const MOTTOES = [
  "Have you tried turning it off and on again?",
  "Still on the LTS.",
  "Reads the manual so you don't have to.",
  "Ask me about backups.",
  "It works on my machine.",
  "Uptime is a state of mind.",
  "One more reboot.",
  "Never the first to upgrade.",
  "Always the first to upgrade.",
  "Here to help, here to learn.",
  "Everything is a file.",
  "Slow typist, quick reader.",
  "Mostly lurking.",
  "Compiles at night.",
  "No question is too small.",
  "Three monitors, one window.",
  "Works best before noon.",
  "Opinions change, logs don't.",
];

/** Different ones, as many as asked for; the same for the same chance. */
export function makePeople(count: number, random: Random): Person[] {
  const taken = new Set<string>(["demo", "admin", "roost"]);
  const people: Person[] = [];
  while (people.length < count) {
    const displayName = makeName(random);
    const username = displayName.toLowerCase().replace(/[^a-z]/g, "");
    if (taken.has(username)) continue;
    taken.add(username);
    people.push({
      username,
      displayName: random.chance(0.07) ? `${displayName} ${random.pick(SIGNS)}` : displayName,
      bio: makeBio(random),
    });
  }
  return people;
}

function makeName(random: Random): string {
  const form = random.next();
  if (form < 0.62) return `${random.pick(QUALITIES)} ${random.pick(BIRDS)}`;
  if (form < 0.9) return `${random.pick(GIVEN)} ${random.pick(BIRDS)}`;
  return `${random.pick(BIRDS)} of the ${random.pick(PLACES)}`;
}

function makeBio(random: Random): string {
  const trade = random.pick(TRADES);
  const [one, other] = random.shuffle([...LIKES]);
  const capital = trade.charAt(0).toUpperCase() + trade.slice(1);
  switch (random.below(10)) {
    case 0:
      return "";
    case 1:
      return random.pick(MOTTOES);
    case 2:
      return `${capital} by day, ${random.pick(TRADES)} by night. ${random.pick(MOTTOES)}`;
    case 3:
      return `${random.pick(VERBS)} ${one}, mostly.`;
    case 4:
      return `${capital}. Fond of ${one} and ${other}.`;
    case 5:
      return `${random.pick(VERBS)} ${one} and ${other} since ${1994 + random.below(28)}.`;
    case 6:
      return `Part-time ${trade}, full-time fan of ${one}. ${random.pick(MOTTOES)}`;
    case 7:
      return `${one?.replace(/^./, (first) => first.toUpperCase())}, ${other}, Linux.`;
    case 8:
      return `${capital} with too many ${random.pick(["cables", "tabs", "partitions", "side projects", "old disks"])}. ${random.pick(MOTTOES)}`;
    default:
      return `${withArticle(random.pick(QUALITIES).toLowerCase())} ${trade} who likes ${one}.`;
  }
}

function withArticle(word: string): string {
  return /^[aeio]|^u[^n]/.test(word) ? `An ${word}` : `A ${word}`;
}

/** A name in a text, for somebody without an account. */
export function birdOf(pseudonym: number): string {
  return BIRDS[mix32(pseudonym) % BIRDS.length] ?? "Wren";
}
