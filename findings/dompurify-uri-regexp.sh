#!/usr/bin/env bash
# DOMPurify 3.4.18: ALLOWED_URI_REGEXP isn't held against addresses alone, but against the value of almost every attribute.
#
# A client that wants to allow links of more schemes (gemini:, xmpp:) names the schemes, as the option's name suggests. Then
# attributes that are no addresses vanish, too, since their values don't look like one: rel="nofollow", lang="de",
# translate="no", dir="auto". Only a few names are exempt (class, alt, title, style among them). Links then open without
# noopener, and text without its language, while every link still works. The expression has to let through whatever has no
# scheme at all.
#
# Seen: by default: class dir href lang rel title; with a regexp of schemes: class href title
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent dompurify@3.4.18 jsdom@29.0.1
cat >look.mjs <<'JS'
import createDOMPurify from "dompurify";
import { JSDOM } from "jsdom";

const purify = createDOMPurify(new JSDOM("").window);
const html = '<a href="https://example.org/" rel="nofollow" lang="de" dir="auto" class="mention" title="A page">a link</a>';
const ALLOWED_ATTR = ["href", "rel", "lang", "dir", "class", "title"];
const left = (options) => {
  const { body } = new JSDOM(purify.sanitize(html, { ALLOWED_ATTR, ...options })).window.document;
  return [...body.firstChild.attributes].map(({ name }) => name).sort().join(" ");
};
console.log(`by default: ${left({})}; with a regexp of schemes: ${left({ ALLOWED_URI_REGEXP: /^(?:https?|gemini|xmpp):/i })}`);
JS
seen=$(node look.mjs)
echo "$seen"
[ "$seen" = "by default: class dir href lang rel title; with a regexp of schemes: class href title" ]
