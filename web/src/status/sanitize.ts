/**
 * HTML of others, which the server has sanitised, sanitised once more. The browser's own sanitiser does it where there
 * is one; for older browsers a library does, which is fetched before anything is shown.
 */
const TAGS = [
  "p",
  "br",
  "a",
  "span",
  "em",
  "strong",
  "b",
  "i",
  "del",
  "u",
  "pre",
  "code",
  "blockquote",
].concat(["ul", "ol", "li"]);
const ATTRIBUTES = ["href", "class", "rel", "lang", "dir", "translate", "title"];

/** Schemes that a link may lead to, with its colon. */
export const LINKED = /^(?:https?|mailto|gemini|gopher|ipfs|ipns|dat|dweb|ssb|xmpp|magnet):/i;

declare global {
  interface Element {
    setHTML(html: string, options: { sanitizer: Sanitizer }): void;
  }
}

type Sanitize = (html: string) => ParentNode;

let sanitizeAs: Sanitize | null = null;

export function sanitized(html: string): ParentNode {
  if (!sanitizeAs) throw new Error("prepareSanitizer() comes first");
  return sanitizeAs(html);
}

export async function prepareSanitizer(): Promise<void> {
  sanitizeAs = "setHTML" in Element.prototype ? byTheBrowser() : await byLibrary();
}

function byTheBrowser(): Sanitize {
  const sanitizer = new Sanitizer({ elements: TAGS, attributes: ATTRIBUTES, comments: false });
  return (html) => {
    const box = document.createElement("div");
    box.setHTML(html, { sanitizer });
    return box;
  };
}

async function byLibrary(): Promise<Sanitize> {
  const { default: DOMPurify } = await import("dompurify");
  return (html) =>
    DOMPurify.sanitize(html, {
      ALLOWED_TAGS: TAGS,
      ALLOWED_ATTR: ATTRIBUTES,
      // Every attribute is held against it, so words without a scheme must pass, too.
      ALLOWED_URI_REGEXP: new RegExp(`${LINKED.source}|^[^a-z]|^[a-z+.-]+(?:[^a-z+.:-]|$)`, "i"),
      RETURN_DOM_FRAGMENT: true,
    });
}

/** The words of some HTML, for labels and previews: parsed in a document of its own, in which nothing runs or loads. */
export function plainText(html: string): string {
  const { body } = new DOMParser().parseFromString(html.replace(/<br\s*\/?>|<\/p>/g, " "), "text/html");
  return (body.textContent ?? "").trim();
}
