/*
 * Sluice in the browser: identify, track, page, group, alias, reset and consent, sent to /v1/batch as any of
 * Segment's clients does.
 *
 * A message is written to localStorage before anything is sent and leaves it when the server has answered, so
 * a closed tab, a dead network or a restarted server lose nothing. It may be sent more than once: the server
 * takes each messageId once. No traits and no names are kept in the browser, only ids and the consent given.
 *
 * The tag: <script async src="https://HOST/sluice.js" data-write-key="KEY"></script>, with
 *   data-host   where to send; as a rule where the script came from
 *   data-dnt    "ignore" collects although the browser says Do Not Track; otherwise nothing is collected then
 * Calls made before it has loaded wait in the array `window.sluice`: sluice.push(["track", "Signed Up"]).
 */
(function (window, document, navigator) {
  "use strict";

  var tag = document.currentScript || document.querySelector("script[data-write-key]");
  var option = (tag && tag.dataset) || {};
  var writeKey = option.writeKey;
  var host = (option.host || new URL(tag.src).origin).replace(/\/$/, "");
  var waiting = window.sluice;
  var isOff = option.dnt !== "ignore" && (navigator.doNotTrack === "1" || window.doNotTrack === "1");
  if (waiting && waiting.version) return;
  if (!writeKey) return console.error("sluice: the script tag needs data-write-key");

  var LONGEST_MESSAGE = 32 << 10; // bytes, as the server has it
  var LONGEST_BODY = 400 << 10; // bytes; the server takes 500 KiB
  var LONGEST_BEACON = 60 << 10; // bytes; browsers let 64 KiB of requests outlive their page
  var MOST_ITEMS = 100;
  var MOST_WAITING = 1000; // messages; past it the oldest go
  var PAUSE = 1000; // ms in which messages gather
  var LONGEST_WAIT = 300000; // ms between two tries

  // Storage. Without it (private modes, blocked cookies) everything lasts as long as the page.

  var memory = {};
  var store = (function () {
    try {
      var storage = window.localStorage;
      storage.setItem("sluice.try", "1");
      storage.removeItem("sluice.try");
      return storage;
    } catch (_) {
      return null;
    }
  })();

  function get(name) {
    var key = "sluice." + name;
    return memory[key] !== undefined ? memory[key] : store ? store.getItem(key) : null;
  }

  function set(name, value) {
    var key = "sluice." + name;
    delete memory[key];
    try {
      if (value === null) store && store.removeItem(key);
      else if (store) store.setItem(key, value);
      else memory[key] = value;
    } catch (_) {
      memory[key] = value; // it is full
    }
  }

  // One entry a message, named by time: tabs that share the storage never write over each other.
  function queued() {
    var keys = Object.keys(memory).concat(store ? Object.keys(store) : []);
    return keys.filter(function (key) { return key.indexOf("sluice.q.") === 0; })
      .map(function (key) { return key.slice(7); }).sort();
  }

  function uuid() {
    if (window.crypto.randomUUID) return window.crypto.randomUUID();
    // Pages without TLS have no randomUUID.
    var bytes = window.crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    return Array.from(bytes, function (byte) { return (byte + 256).toString(16).slice(1); }).join("")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  function bytes(text) { return new Blob([text]).size; }

  function anonymousId() {
    var id = get("anonymousId");
    if (!id) set("anonymousId", (id = uuid()));
    return id;
  }

  // Messages.

  function context() {
    var place = window.location;
    var found = {
      library: { name: "sluice.js", version: sluice.version },
      locale: navigator.language,
      userAgent: navigator.userAgent,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screen: { width: screen.width, height: screen.height, density: window.devicePixelRatio },
      page: page(),
    };
    var consent = get("consent");
    if (consent) found.consent = { categoryPreferences: JSON.parse(consent) };
    var group = get("groupId");
    if (group) found.groupId = group;
    new URLSearchParams(place.search).forEach(function (value, name) {
      if (name.indexOf("utm_") !== 0) return;
      var part = name === "utm_campaign" ? "name" : name.slice(4);
      (found.campaign = found.campaign || {})[part] = value;
    });
    return found;
  }

  function page() {
    var place = window.location;
    return {
      path: place.pathname, referrer: document.referrer, search: place.search,
      title: document.title, url: place.href.split("#")[0],
    };
  }

  function enqueue(message, options) {
    if (isOff) return;
    options = options || {};
    message.messageId = uuid();
    message.timestamp = new Date().toISOString();
    message.anonymousId = anonymousId();
    if (!message.userId) message.userId = get("userId") || undefined;
    message.context = Object.assign(context(), options.context);
    if (options.integrations) message.integrations = options.integrations;
    var text = JSON.stringify(message);
    if (bytes(text) > LONGEST_MESSAGE) {
      return console.error("sluice: not sent, it is larger than 32 KB", message);
    }
    var keys = queued();
    if (keys.length >= MOST_WAITING) set(keys[0], null);
    var now = Date.now();
    last = Math.max(now * 1000, last + 1); // in order, also within one millisecond
    set("q." + last + "." + message.messageId, text);
    if (keys.length + 1 >= MOST_ITEMS) flush();
    else later(PAUSE);
    return message.messageId;
  }

  var last = 0;

  // Sending.

  var timer = null;
  var isSending = false;
  var failures = 0;
  var notBefore = 0;
  var mostItems = MOST_ITEMS;

  function later(milliseconds) {
    if (timer === null) {
      timer = setTimeout(function () {
        timer = null;
        flush();
      }, Math.max(milliseconds, notBefore - Date.now()));
    }
  }

  function take(limit, skipped) {
    var taken = { keys: [], texts: [] };
    var size = 512;
    queued().slice(0, mostItems).every(function (key) {
      var text = get(key);
      if (text === null || (skipped && skipped[key])) return true;
      size += bytes(text) + 1;
      if (size > limit && taken.keys.length) return false;
      taken.keys.push(key);
      taken.texts.push(text);
      return true;
    });
    taken.body = '{"writeKey":' + JSON.stringify(writeKey) + ',"sentAt":"' + new Date().toISOString()
      + '","batch":[' + taken.texts.join(",") + "]}";
    return taken;
  }

  // A page cannot send the header itself where only a script of the browser says so.
  function url() { return host + "/v1/batch" + (navigator.globalPrivacyControl ? "?gpc=1" : ""); }

  // text/plain, since anything else costs a request beforehand to another origin.
  var TYPE = "text/plain;charset=UTF-8";

  function flush() {
    if (isSending) return;
    if (Date.now() < notBefore) return later(0);
    var taken = take(LONGEST_BODY);
    if (!taken.keys.length) return;
    isSending = true;
    fetch(url(), {
      method: "POST", body: taken.body, headers: { "Content-Type": TYPE }, credentials: "omit",
      keepalive: bytes(taken.body) < LONGEST_BEACON,
    }).then(function (answer) {
      return answer.text().then(function (text) { settle(taken, answer, text); });
    }).catch(function () { wait(); }).then(function () {
      isSending = false;
      if (queued().length) later(failures ? 0 : PAUSE);
    });
  }

  function settle(taken, answer, text) {
    var status = answer.status;
    if (status === 200) {
      failures = 0;
      mostItems = MOST_ITEMS;
      taken.keys.forEach(function (key) { set(key, null); });
      if (text.indexOf('"rejected"') >= 0) console.warn("sluice: the server refused some: " + text);
    } else if (status === 400 || status === 413) {
      console.error("sluice: refused: " + text);
      // One message spoils the rest: they go one by one, and it alone is dropped.
      if (taken.keys.length > 1) mostItems = 1;
      else taken.keys.forEach(function (key) { set(key, null); });
    } else {
      if (status === 401) console.error("sluice: the write key is unknown");
      wait(answer.headers.get("Retry-After"));
    }
  }

  function wait(seconds) {
    var pause = Number(seconds) * 1000 || PAUSE * Math.pow(2, Math.min(failures, 8)) * (1 + Math.random());
    failures += 1;
    notBefore = Date.now() + Math.min(pause, LONGEST_WAIT);
  }

  // The page goes: what waits is handed to the browser. Nobody answers, so it stays stored, and the next page
  // sends it again in vain.
  var handedOver = {};

  function leave() {
    var taken = take(LONGEST_BEACON, handedOver);
    if (!taken.keys.length || Date.now() < notBefore || !navigator.sendBeacon) return;
    if (navigator.sendBeacon(url(), new Blob([taken.body], { type: TYPE }))) {
      taken.keys.forEach(function (key) { handedOver[key] = true; });
    }
  }

  window.addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden") leave();
  });
  window.addEventListener("online", function () {
    notBefore = 0;
    flush();
  });

  // What pages call.

  var sluice = {
    version: "1.0.0",

    identify: function (userId, traits, options) {
      if (userId !== null && typeof userId === "object") return sluice.identify(null, userId, traits);
      if (userId) set("userId", String(userId));
      return enqueue({ type: "identify", traits: traits || {} }, options);
    },

    track: function (event, properties, options) {
      return enqueue({ type: "track", event: event, properties: properties || {} }, options);
    },

    page: function (name, properties, options) {
      if (name !== null && typeof name === "object") return sluice.page(null, name, properties);
      var message = { type: "page", properties: Object.assign(page(), properties) };
      if (name) message.name = message.properties.name = name;
      return enqueue(message, options);
    },

    group: function (groupId, traits, options) {
      set("groupId", String(groupId));
      return enqueue({ type: "group", groupId: String(groupId), traits: traits || {} }, options);
    },

    alias: function (userId, previousId, options) {
      var previous = previousId || get("userId") || anonymousId();
      set("userId", String(userId));
      return enqueue({ type: "alias", previousId: previous }, options);
    },

    // {category: true or false}. Everything from here on says so too.
    consent: function (categories, options) {
      set("consent", JSON.stringify(categories));
      return enqueue(
        { type: "track", event: "Segment Consent Preference Updated", properties: {} }, options);
    },

    // Another person sits here: new ids. What they allowed belongs to the browser and stays.
    reset: function () {
      ["userId", "groupId", "anonymousId"].forEach(function (name) { set(name, null); });
    },

    anonymousId: anonymousId,
    flush: flush,
    push: function (call) {
      var name = call[0];
      if (typeof sluice[name] !== "function" || name === "push") {
        return console.error("sluice: there is no " + name);
      }
      return sluice[name].apply(null, Array.prototype.slice.call(call, 1));
    },
  };

  window.sluice = sluice;
  if (Array.isArray(waiting)) waiting.forEach(sluice.push);
  if (!isOff && queued().length) later(0);
})(window, document, navigator);
