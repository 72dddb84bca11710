"use strict";
// Which step is shown, and its way to the loss. Everything else is in the page already.
(() => {
  const { after } = %s;
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const panels = all(".panel");
  const boxes = all(".box");
  let current = -1;
  const chainOf = (step) => {
    const chain = new Set([step]);
    for (const n of chain) after[n].forEach((user) => chain.add(user)); // what is added is visited, too
    return chain;
  };
  const show = (step) => {
    if (step < 0 || step >= panels.length || step === current) return;
    current = step;
    const chain = chainOf(step);
    panels.forEach((panel, n) => panel.classList.toggle("shown", n === step));
    boxes.forEach((box, n) => {
      box.classList.toggle("chained", chain.has(n));
      box.classList.toggle("selected", n === step);
      if (n === step) box.setAttribute("aria-current", "step"); else box.removeAttribute("aria-current");
    });
    for (const arrow of all(".arrow")) {
      const { from, to } = arrow.dataset;
      arrow.classList.toggle("chained", chain.has(Number(from)) && chain.has(Number(to)));
    }
    one("#previous").disabled = step === 0;
    one("#next").disabled = step === panels.length - 1;
    const area = one(".graph .scroll");
    const [a, b] = [boxes[step].getBoundingClientRect(), area.getBoundingClientRect()];
    area.scrollBy(a.left - b.left - (b.width - a.width) / 2, a.top - b.top - (b.height - a.height) / 2);
    one(".panels").scrollTop = 0;
  };
  document.body.classList.add("scripted");
  one("#previous").addEventListener("click", () => show(current - 1));
  one("#next").addEventListener("click", () => show(current + 1));
  for (const link of all('a[href^="#step-"]')) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show(Number(link.getAttribute("href").slice(6)));
    });
  }
  const keys = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    const scrolls = event.target.closest(".formula, .panels .scroll") && event.key.match(/Left|Right/);
    if (event.key in keys && !scrolls && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      show(current + keys[event.key]);
    }
  });
  const asked = location.hash.match(/^#step-(\d+)$/); // a link to one step
  show(asked && Number(asked[1]) < panels.length ? Number(asked[1]) : 0);
})();
