/** Scopes in words a person can decide by. */
const WORDS: Readonly<Record<string, string>> = {
  read: "Read everything your account can see",
  write: "Post, edit and change things in your name",
  follow: "Change whom you follow, block and mute",
  push: "Send you push notifications",
  profile: "See your name and picture",
  "read:accounts": "See people's profiles and yours",
  "read:follows": "See whom you follow",
  "read:me": "See your name and settings",
  "read:search": "Search in your name",
  "read:statuses": "Read the posts you can see, your timelines among them",
  "write:accounts": "Change your profile",
  "write:blocks": "Block people and take it back",
  "write:bookmarks": "Add and remove bookmarks",
  "write:conversations": "Mute and delete conversations",
  "write:favourites": "Favourite posts in your name",
  "write:follows": "Follow and unfollow people in your name",
  "write:media": "Upload images",
  "write:mutes": "Mute people and take it back",
  "write:notifications": "Clear your notifications",
  "write:reports": "Report people to the moderators",
  "write:statuses": "Post, edit and delete posts in your name",
};

/** "read:lists" → "See your lists" */
export function inWords(scope: string): string {
  const known = WORDS[scope];
  if (known) return known;
  if (scope.startsWith("admin:")) return "Use tools for moderators, if your account has any";
  const [verb, what] = scope.split(":");
  return `${verb === "write" ? "Change" : "See"} your ${what ?? "account"}`;
}
