import { type Kysely, sql } from "kysely";

/**
 * The web app as one built-in OAuth client, so that browsers register none. It is a public client (RFC 6749, 2.1): its
 * code can be read by anybody, so its secret is the empty text. Its redirect URI is a path of this server, whatever
 * address the server was reached at.
 */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`insert into oauth_apps (client_id, client_secret_hash, name, website, redirect_uris, scopes)
    values ('roost-web', sha256(''::bytea), 'Roost web', null, array['/login/callback'],
      array['read', 'write', 'follow', 'push', 'profile'])
    on conflict (client_id) do nothing`.execute(db);
  // Sessions of browsers that had registered the web app themselves go on, and signing out ends their tokens.
  await sql`update access_tokens t set app_id = web.id
    from oauth_apps web, oauth_apps own
    where web.client_id = 'roost-web' and own.id = t.app_id and own.name = 'Roost web'
      and own.redirect_uris[1] like '%/login/callback'`.execute(db);
}
