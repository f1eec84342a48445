/** Keys act on the post that has the focus, by pressing what a pointer would press. */

export function moveFocus(by: 1 | -1): boolean {
  const layer = document.querySelector<HTMLElement>(".layer[data-active=true]");
  if (!layer) return false;
  const posts = [...layer.querySelectorAll<HTMLElement>("article")];
  const current = document.activeElement?.closest("article");
  const at = current ? posts.indexOf(current as HTMLElement) : -1;
  const next = at === -1 ? firstInView(layer, posts) : posts[at + by];
  if (!next) return at !== -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

/** Presses the post's own control of that name. With no name: whether a post has the focus at all. */
export function onPost(control: string, options: { onlyOnCard?: boolean } = {}): boolean {
  const focused = document.activeElement;
  const post = focused?.closest("article");
  if (!post || (options.onlyOnCard && focused !== post)) return false;
  if (control === "") return focused === post;
  const button = post.querySelector<HTMLElement>(`[data-key="${control}"]`);
  button?.click();
  return button !== null;
}

function firstInView(layer: HTMLElement, posts: readonly HTMLElement[]): HTMLElement | undefined {
  const head = layer.querySelector(".page-head")?.getBoundingClientRect().bottom ?? 0;
  return posts.find((post) => post.getBoundingClientRect().bottom > head + 40) ?? posts[0];
}
