/*
 * The text commands of the MLPerf Tiny runner, so that it can measure this firmware: docs/protocol.md, "Text commands".
 *
 * The bytes of `db` go straight into the model's inputs. An inference may overwrite them there, so that before the first
 * one they are kept in the buffer that otherwise holds the last answer, where that is large enough. Where it is not, the
 * outputs of the first inference are kept, and the others are there to be timed only.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "state.h"

#if TM_RUNNER_TEXT

#include <stddef.h>
#include <string.h>

#include "text_number.h"

enum { WORDS = 3, WARMUP = 10 };

/* Character by character: the C library's fast strlen and strcmp would be a kilobyte for some twenty short texts. */
static void put(const char *s) {
  for (; *s != '\0'; ++s) {
    tm_port_write((const uint8_t *)s, 1);
  }
}

static void put_number(uint64_t v) {
  char digits[TM_TEXT_DIGITS];
  put(tm_text_u64(digits, v));
}

/* head, a number, tail: most answers have this form. */
static void say(const char *head, uint64_t v, const char *tail) {
  put(head);
  put_number(v);
  put(tail);
}

static void error(const char *what) {
  put("e-[");
  put(what);
  put("]\r\n");
}

void tm_text_hello(void) { put("m-init-done\r\nm-ready\r\n"); }

static int same(const char *a, const char *b) {
  for (; *a != '\0' && *a == *b; ++a, ++b) {
  }
  return *a == *b;
}

/* Brings the clock that does not wrap up to date. */
static void tick(runner *r) {
  const uint64_t now = tm_port_count();
  r->text.ticks += (now - r->text.count) & r->rx.count_mask;
  r->text.count = now;
}

/* Microseconds; on an emulator that counts instructions, of a core that takes one cycle for each. */
static void timestamp(runner *r, char **word) {
  uint32_t rest;
  const uint32_t hz = r->port.count_hz != 0 ? r->port.count_hz : r->port.clock_hz;
  (void)word;
  tick(r);
  say("m-lap-us-", hz == 0 ? 0 : tm_text_divide(r->text.ticks * 1000000u, hz, &rest), "\r\n");
}

static void name(runner *r, char **word) {
  (void)word;
  put("m-name-dut-[tinyml ");
  put(r->port.board);
  put("]\r\n");
}

static void profile(runner *r, char **word) {
  (void)word;
  put("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[");
  put(r->model->name);
  put("]\r\n");
}

/* Bytes of all inputs or outputs, as stored or all as float32; 0 where one of them can not be that. */
static uint32_t total_bytes(const tm_tensor_info *t, uint32_t n, uint32_t as_float) {
  uint32_t sum = 0;
  for (; n > 0; --n, ++t) {
    if (!tm_tensor_converts(t, as_float != 0 ? (uint8_t)TM_F32 : t->io_dtype)) {
      return 0;
    }
    sum += tm_tensor_elements(t) * tm_elem_bytes(as_float != 0 ? (uint8_t)TM_F32 : t->io_dtype);
  }
  return sum;
}

/* Between the arena and the kept copy, in stored types. 0: the copy has no room for them. */
static int keep(runner *r, const tm_tensor_info *t, uint32_t n, int restore) {
  uint32_t at = 0;
  for (int pass = 0; pass < 2; ++pass) { /* first whether all fit */
    at = 0;
    for (uint32_t k = 0; k < n; ++k) {
      const uint32_t elements = tm_tensor_elements(&t[k]);
      if (pass != 0 && restore) {
        tm_runner_write_input(r, &t[k], t[k].dtype, 0, elements, r->tx + at);
      } else if (pass != 0) {
        tm_tensor_read(r->arena, &t[k], t[k].dtype, 0, elements, r->tx + at);
      }
      at += elements * tm_elem_bytes(t[k].dtype);
    }
    if (at > sizeof r->tx || (t == r->model->input && r->model->push_row != NULL)) {
      return 0; /* rows pushed in are gone as soon as they are used */
    }
  }
  return 1;
}

/* The number of bytes chooses the type: the model's, or float32. */
static void load(runner *r, const char *size) {
  uint32_t n = 0;
  const tm_model *m = r->model;
  const uint32_t plain = total_bytes(m->input, m->inputs, 0);
  const uint32_t floats = total_bytes(m->input, m->inputs, 1);
  r->text.left = 0;
  if (r->fit != TM_OK || plain == 0) {
    error("The model can not be run");
  } else if (size == NULL || !tm_text_parse(size, &n) || (n != plain && n != floats)) {
    say("e-[The model takes ", plain, " bytes");
    if (floats != plain && floats != 0) {
      say(", or ", floats, " of float32");
    }
    put("]\r\n");
  } else {
    tm_runner_forget_inputs(r);
    r->session = 0; /* the answer that a frame may ask for again, and the inputs it has set, are gone */
    memset(&r->text.left, 0, sizeof r->text - offsetof(tm_text_state, left));
    r->text.left = n;
    r->text.as_float = n != plain;
    say("m-[Expecting ", n, " bytes]\r\n");
  }
}

static void load_byte(runner *r, uint32_t byte) {
  tm_text_state *s = &r->text;
  const tm_tensor_info *t = &r->model->input[s->input];
  const uint8_t type = s->as_float ? (uint8_t)TM_F32 : t->io_dtype;
  /* Only values from 0 up can be stored: an image. The runner's images are of unsigned bytes, with a zero point of 0. */
  if (type == TM_I8 && t->zero_point == -128) {
    byte ^= 0x80u;
  }
  s->part[s->parts++] = (uint8_t)byte;
  --s->left;
  if (s->parts == tm_elem_bytes(type)) {
    tm_runner_write_input(r, t, type, s->element++, 1, s->part);
    s->parts = 0;
    if (s->element == tm_tensor_elements(t)) {
      s->element = 0;
      ++s->input;
    }
  }
}

static void db(runner *r, char **word) {
  const char *hex = word[1];
  if (hex == NULL) {
    error("Command 'db' requires a subcommand");
    return;
  }
  if (same(hex, "load")) {
    load(r, word[2]);
    return;
  }
  uint32_t n = 0;
  while (tm_text_hex(hex[n]) < 16) {
    ++n;
  }
  if (hex[n] != '\0' || n % 2 != 0) {
    error(hex[n] != '\0' ? "Invalid hex digit" : "Insufficient number of hex digits");
    return;
  }
  if (r->text.left == 0) {
    error("No 'db load' before these bytes");
    return;
  }
  for (; *hex != '\0' && r->text.left > 0; hex += 2) { /* digits beyond the last byte count for nothing */
    load_byte(r, tm_text_hex(hex[0]) * 16u + tm_text_hex(hex[1]));
  }
  if (r->text.left == 0) {
    r->text.loaded = 1;
    put("m-load-done\r\n");
  }
}

/* Elements as floats with three digits, as the runner reads them; integers where the output has no float form. */
static void results(runner *r, char **word) {
  const char *comma = "";
  (void)word;
  if (!r->text.results) {
    error("No results");
    return;
  }
  put("m-results-[");
  for (uint32_t k = 0; k < r->model->outputs; ++k) {
    const tm_tensor_info *t = &r->model->output[k];
    const uint32_t n = tm_tensor_elements(t);
    const int is_float = tm_tensor_converts(t, TM_F32);
    for (uint32_t e = 0; e < n; ++e) {
      uint8_t element[8];
      char digits[TM_TEXT_DIGITS];
      tm_tensor_read(r->arena, t, is_float ? (uint8_t)TM_F32 : t->dtype, e, 1, element);
      put(comma);
      put(is_float ? tm_text_float(digits, tm_get32(element)) : tm_text_integer(digits, element, tm_elem_bytes(t->dtype), t->dtype == TM_U8));
      comma = ",";
    }
  }
  put("]\r\n");
}

/* One inference on the inputs where they are kept, else on what the arena holds. 0: it failed, which has been said. */
static int run(runner *r, int keep_outputs) {
  const tm_model *m = r->model;
  if (r->text.kept) {
    (void)keep(r, m->input, m->inputs, 1);
  }
  const tm_status s = tm_model_invoke(m, r->arena);
  tick(r); /* often enough to see every wrap of the counter */
  if (s != TM_OK) {
    r->text.loaded = 0;
    say("e-[Inference failed with status ", (uint32_t)s, "]\r\n");
    return 0;
  }
  if (keep_outputs) {
    (void)keep(r, m->output, m->outputs, 0);
  }
  return 1;
}

static void infer(runner *r, char **word) {
  const tm_model *m = r->model;
  uint32_t n = 1;
  uint32_t warm = WARMUP;
  if (word[1] != NULL && (!tm_text_parse(word[1], &n) || n == 0)) {
    error("Inference iterations must be >0");
    return;
  }
  if (word[1] != NULL && word[2] != NULL && !tm_text_parse(word[2], &warm)) {
    error("Inference warmup must be >=0");
    return;
  }
  if (!r->text.loaded) {
    error("No input is loaded");
    return;
  }
  if (!r->text.kept) {
    r->text.kept = (uint8_t)keep(r, m->input, m->inputs, 0);
  }
  const int keep_outputs = !r->text.kept && (n > 1 || warm > 0);
  if (keep_outputs && !keep(r, m->output, m->outputs, 0)) {
    error("No RAM to keep the input: infer 1 0");
    return;
  }
  int first = keep_outputs;
  r->text.results = 0;
  tick(r);
  say("m-warmup-start-", warm, "\r\n");
  for (; warm > 0; --warm, first = 0) {
    if (!run(r, first)) {
      return;
    }
  }
  say("m-warmup-done\r\nm-infer-start-", n, "\r\n");
  timestamp(r, word);
  for (; n > 0; --n, first = 0) {
    if (!run(r, first)) {
      return;
    }
  }
  timestamp(r, word);
  put("m-infer-done\r\n");
  if (keep_outputs) {
    (void)keep(r, m->output, m->outputs, 1);
  }
  r->text.loaded = r->text.kept;
  r->text.results = 1;
  results(r, word);
}

static void help(runner *r, char **word) {
  (void)r;
  (void)word;
  put("name | profile | timestamp | db load N | db HEX | infer N [W=10] | results; each ends with '%'\r\n");
}

void tm_text_line(runner *r, uint8_t *line, uint32_t n) {
  static const struct {
    const char *name;
    void (*run)(runner *r, char **word);
  } commands[] = {{"name", name}, {"profile", profile}, {"timestamp", timestamp}, {"db", db}, {"infer", infer}, {"results", results}, {"help", help}};
  char *word[WORDS] = {NULL, NULL, NULL};
  char *p = (char *)line;
  p[n] = '\0';
  for (uint32_t k = 0; k < WORDS; ++k) {
    while (*p == ' ') {
      *p++ = '\0';
    }
    if (*p != '\0') {
      word[k] = p;
    }
    while (*p != '\0' && *p != ' ') {
      ++p;
    }
  }
  *p = '\0';
  if (word[0] == NULL) {
    return;
  }
  uint32_t k = 0;
  while (k < sizeof commands / sizeof commands[0] && !same(commands[k].name, word[0])) {
    ++k;
  }
  if (k < sizeof commands / sizeof commands[0]) {
    commands[k].run(r, word);
  } else {
    put("e-[Unknown command: ");
    put(word[0]);
    put("]\r\n");
  }
  put("m-ready\r\n");
}

#endif
