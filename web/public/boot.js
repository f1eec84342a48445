// Runs before the first paint, and before the app's own files are there. Not a module: those wait.
(() => {
  const { dataset } = document.documentElement;
  try {
    // A chosen theme never flashes the other one.
    const { theme } = JSON.parse(localStorage.getItem("roost.preferences") ?? "{}");
    if (theme === "light" || theme === "dark") dataset.theme = theme;
    const token = localStorage.getItem("roost.token");
    if (!token) {
      dataset.visitor = "";
      return;
    }
    // After a reload, the list comes from this browser; otherwise its first page is asked for while the app loads.
    const isRestored = sessionStorage.getItem(`place:${history.state?.key}`) !== null;
    if (isRestored || (location.pathname !== "/" && location.pathname !== "/home")) return;
    const path = "/api/v1/timelines/home?limit=20";
    const answer = fetch(path, { headers: { Authorization: `Bearer ${token}` } });
    const early = { path, token, answer, hasCome: false };
    const done = () => {
      early.hasCome = true;
    };
    // Whoever takes the answer hears of a lost connection.
    answer.then(done, done);
    window.roostEarly = early;
  } catch {
    // Storage may be forbidden; the system's own theme is shown then, and the app asks by itself.
  }
})();
