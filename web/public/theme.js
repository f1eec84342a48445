// Runs before the first paint, so that a chosen theme never flashes the other one. Not a module: those wait.
(() => {
  try {
    const { theme } = JSON.parse(localStorage.getItem("roost.preferences") ?? "{}");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's own theme is shown then.
  }
})();
