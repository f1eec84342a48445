/** The style sheet of the pages above: dusk and a warm light, in both colour schemes. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#241f3d;--soft:#5d5878;--card:#fffdf9;--line:#ddd5e6;--edge:#857d9e;--accent:#b45309;--on-accent:#fff;--bad:#b3261e;--sky:linear-gradient(160deg,#2b2450,#6d4a7c 55%,#e59866)}
@media(prefers-color-scheme:dark){:root{--ink:#f1ecfa;--soft:#b9b1d0;--card:#211c38;--line:#453d63;--edge:#8077a3;--accent:#f4b860;--on-accent:#241a05;--bad:#ffb4ab;--sky:linear-gradient(160deg,#14112a,#372a52 60%,#7a4a3a)}}
:where(*){box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--sky) fixed;color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:420px;background:var(--card);border-radius:20px;padding:28px;box-shadow:0 20px 60px #0006}
header{display:flex;align-items:center;gap:12px;color:var(--accent)}header p{margin:0;font-weight:650;font-size:18px;color:var(--ink)}
h1{font-size:26px;line-height:1.2;margin:20px 0 12px;letter-spacing:-.01em;overflow-wrap:anywhere}p{margin:12px 0;overflow-wrap:anywhere}ul{padding-left:20px;margin:8px 0}
.field{margin:16px 0}.field label{font-weight:600;font-size:14px}.field input:not([type=checkbox]){display:block;width:100%;margin-top:6px;padding:11px 13px;font:inherit;font-size:16px;font-weight:400;color:inherit;background:transparent;border:1.5px solid var(--edge);border-radius:10px}
input[aria-invalid]{border-color:var(--bad)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.hint,.aside{color:var(--soft);font-size:14px;font-weight:400}.mistake,.problem{color:var(--bad);font-size:14px;font-weight:500}.hint,.mistake{margin:6px 0 0}
.problem{border:1.5px solid;border-radius:10px;padding:10px 12px}.field .check{display:flex;gap:10px;align-items:flex-start;font-weight:400}.check input{flex:none;width:20px;height:20px;margin:0;accent-color:var(--accent)}
button{width:100%;min-height:46px;margin-top:10px;padding:10px 16px;border:0;border-radius:999px;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:650;cursor:pointer}
button.quiet{background:transparent;color:var(--ink);border:1.5px solid var(--edge)}button.link{width:auto;min-height:24px;padding:0;background:none;color:var(--soft);text-decoration:underline;font-weight:400}
a{color:var(--accent)}code{display:block;padding:12px;border-radius:10px;border:1.5px dashed var(--line);overflow-wrap:anywhere;font-size:15px;user-select:all}
`;
