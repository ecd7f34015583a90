// What a report does in a browser beside its charts: copy buttons, hints, printing. Without scripts
// the page is complete all the same.
"use strict";
(() => {
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.style = "position: fixed; opacity: 0";
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  const addCopyButtons = () => {
    for (const command of document.querySelectorAll(".command")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-live", "polite");
      button.addEventListener("click", async () => {
        await copy(command.querySelector("code").textContent);
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
      command.append(button);
    }
  };

  // The browser's own tooltips come late, and never to a keyboard or a finger.
  const addHints = () => {
    let hint = null;
    let explained = null;
    const hide = () => {
      hint?.remove();
      hint = null;
    };
    const show = (abbr) => {
      hide();
      explained = abbr;
      hint = document.createElement("div");
      hint.className = "hint";
      hint.setAttribute("role", "tooltip");
      hint.textContent = abbr.dataset.meaning;
      document.body.append(hint);
      place();
    };
    // A focus from the keyboard scrolls its element into view after the hint is there.
    const place = () => {
      if (!hint) return;
      const box = explained.getBoundingClientRect();
      const most = document.documentElement.clientWidth - hint.offsetWidth - 8;
      hint.style.left = Math.max(8, Math.min(box.left, most)) + "px";
      hint.style.top = box.bottom + window.scrollY + 6 + "px";
    };
    for (const abbr of document.querySelectorAll("abbr[title]")) {
      abbr.dataset.meaning = abbr.title;
      abbr.setAttribute("aria-label", abbr.textContent + ": " + abbr.title);
      abbr.removeAttribute("title");
      for (const event of ["mouseenter", "focus"]) abbr.addEventListener(event, () => show(abbr));
      for (const event of ["mouseleave", "blur"]) abbr.addEventListener(event, hide);
    }
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
    document.addEventListener("scroll", place, { capture: true, passive: true });
  };

  // Paper cannot be unfolded.
  const unfoldForPrinting = () => {
    let folded = [];
    window.addEventListener("beforeprint", () => {
      folded = [...document.querySelectorAll("details:not([open])")];
      for (const details of folded) details.open = true;
    });
    window.addEventListener("afterprint", () => {
      for (const details of folded) details.open = false;
    });
  };

  const start = async () => {
    addCopyButtons();
    addHints();
    unfoldForPrinting();
    await drawInteractiveCharts();
    window.ready = true;
  };
  start();
})();
