/** Every benchmark by its name on the command line, with its parts in the order in which they are measured. */
import { appends } from "./appends.ts";
import { deliveries, deliveriesFromOutbox } from "./deliveries.ts";
import { events } from "./events.ts";
import { home } from "./home.ts";
import { homeShared } from "./home-shared.ts";
import { post } from "./post.ts";
import { rebuild } from "./rebuild.ts";
import type { Part } from "./report.ts";
import { search } from "./search.ts";
import { visible } from "./visible.ts";
import { visibleBesideLarge } from "./visible-beside-large.ts";

export const BENCHES: Readonly<Record<string, readonly Part[]>> = {
  home: [home, homeShared],
  post: [post],
  visible: [visible, visibleBesideLarge],
  rebuild: [rebuild],
  deliveries: [deliveries, deliveriesFromOutbox, appends],
  events: [events],
  search: [search],
};
