// Where the person at a phone writes: text, pictures, and how many SMS it comes to.

import { estimate } from "./segments.js";
import { word } from "./words.js";

const longest = 1600;
const tallest = 132;
const mostMedia = 10;

export class Composer {
  #form; #input; #button; #files = []; #last = ""; #phone;

  constructor(phone) {
    this.#phone = phone;
    this.#form = phone.node.querySelector(".composer");
    this.#input = this.#form.querySelector("textarea");
    this.#button = this.#form.querySelector(".send");
    const picker = this.#form.querySelector("input[type=file]");
    picker.addEventListener("change", () => {
      this.attach(picker.files);
      picker.value = "";
    });
    this.#input.addEventListener("input", () => this.#refresh());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("paste", (event) => {
      if (event.clipboardData.files.length === 0) return;
      event.preventDefault();
      this.attach(event.clipboardData.files);
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#acceptDrops(phone.node.querySelector(".screen"));
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  attach(files) {
    for (const file of [...files].slice(0, mostMedia - this.#files.length)) {
      this.#files.push({ file, url: URL.createObjectURL(file) });
    }
    this.#preview();
    this.#refresh();
    this.focus();
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#form.requestSubmit();
    } else if (event.key === "ArrowUp" && this.#input.value === "" && this.#last) {
      event.preventDefault();
      this.#input.value = this.#last;
      this.#refresh();
    } else if (event.key === "Escape" && this.#files.length) {
      event.preventDefault();
      this.#drop(this.#files.length - 1);
    }
  }

  #acceptDrops(area) {
    let depth = 0;
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (change) => {
      depth = change === 0 ? 0 : depth + change;
      area.classList.toggle("dropping", depth > 0);
    };
    area.addEventListener("dragenter", (event) => carriesFiles(event) && over(1));
    area.addEventListener("dragleave", (event) => carriesFiles(event) && over(-1));
    area.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
    area.addEventListener("drop", (event) => {
      event.preventDefault();
      over(0);
      this.attach(event.dataTransfer.files);
    });
  }

  #refresh() {
    const input = this.#input;
    input.style.height = "auto";
    const wanted = input.scrollHeight + 2;
    input.style.height = `${Math.min(wanted, tallest)}px`;
    input.style.overflowY = wanted > tallest ? "auto" : "hidden";
    const tooLong = input.value.length > longest;
    const { encoding, ...count } = estimate(input.value);
    const line = this.#form.querySelector(".count");
    line.textContent = tooLong ? word("tooLong") : input.value ? `${encoding} · ${word("units", count)}` : "";
    line.classList.toggle("over", tooLong);
    this.#button.disabled = tooLong || (!input.value.trim() && this.#files.length === 0);
  }

  #preview() {
    const list = this.#form.querySelector(".previews");
    list.hidden = this.#files.length === 0;
    list.replaceChildren(...this.#files.map(({ file, url }, index) => {
      const item = document.createElement("li");
      const shown = document.createElement(file.type.startsWith("image/") ? "img" : "span");
      if (shown.tagName === "IMG") Object.assign(shown, { src: url, alt: file.name });
      else shown.textContent = file.name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "×";
      remove.setAttribute("aria-label", word("removePicture", { name: file.name }));
      remove.addEventListener("click", () => this.#drop(index));
      item.append(shown, remove);
      return item;
    }));
  }

  #drop(index) {
    const [gone] = this.#files.splice(index, 1);
    URL.revokeObjectURL(gone.url);
    this.#preview();
    this.#refresh();
    this.focus();
  }

  async #send() {
    const [text, files] = [this.#input.value, this.#files];
    if (this.#button.disabled || !this.#phone.number) return;
    this.#last = text;
    this.#input.value = "";
    this.#files = [];
    this.#preview();
    this.#refresh();
    try {
      const media = [];
      for (const { file } of files) media.push((await post("/sandbox/media", file.type, file)).id);
      await post("/sandbox/messages", "application/json", JSON.stringify({ from: this.#phone.number, text, media }));
      for (const { url } of files) URL.revokeObjectURL(url);
      this.#problem("");
    } catch (error) {
      // Nothing that was written is lost.
      this.#input.value = text + (this.#input.value && `\n${this.#input.value}`);
      this.#files = [...files, ...this.#files];
      this.#preview();
      this.#refresh();
      this.#problem(word("sendFailed", { reason: error.message }));
    }
  }

  #problem(text) {
    const line = this.#form.querySelector(".problem");
    line.textContent = text;
    line.hidden = text === "";
  }
}

/** Posts, and returns the answer; an error says why. */
export async function post(url, type, body, method = "POST") {
  const headers = { "content-type": type || "application/octet-stream" };
  const response = await fetch(url, { method, headers, body }).catch(() => {
    throw new Error(word("unreachable"));
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? response.status);
  return answer;
}
