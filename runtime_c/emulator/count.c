/*
 * A QEMU plugin that counts how often each translated block runs, between calls of one function of the firmware.
 *
 * It knows nothing of instruction sets: it writes each block's instructions once, and at every call of the marked function
 * how often the blocks ran since the last call. What the instructions cost is worked out from that file.
 *
 *   -plugin count.so,mark=0x08001234,out=FILE
 *
 * FILE, in the byte order of this computer:
 *   'B' u32 number, u64 address, u32 n, n times (u8 size, its bytes)     a block, before it is first counted
 *   'M' u32 n, n times (u32 block, u64 runs, u64 left)                   a call of the function; `left`: how many of the runs were
 *                                                                        not followed by the block right behind it
 *
 * The interface is QEMU's documented plugin API, version 1 (docs/devel/tcg-plugins.rst); Debian has no header package for it, so
 * that the few functions in use are declared here.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_info_t {
  const char *target_name; /* its other members are not read */
};
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translated)(plugin_id id, struct qemu_plugin_tb *tb);
typedef void (*executed)(unsigned int cpu, void *user);

EXPORT extern const int qemu_plugin_version;
EXPORT int qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc, char **argv);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed cb, int flags, void *user);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

const int qemu_plugin_version = 1;

typedef struct block {
  uint64_t address, end; /* of its first instruction, and behind its last one */
  uint64_t runs, left;
  uint32_t number;
  int marked;
  struct block *dirty; /* the next one that ran since the last mark; itself where it is the last of them */
} block;

static int is_arm;
static FILE *out;
static uint64_t mark;
static uint32_t blocks, dirty_blocks;
static block *dirty; /* those that ran since the last mark */
static block *before; /* the one that ran last */

static void put(const void *bytes, size_t n) {
  if (fwrite(bytes, 1, n, out) != n) {
    perror("count: the file can not be written");
    exit(1);
  }
}

static void write_mark(void) {
  put("M", 1);
  put(&dirty_blocks, sizeof dirty_blocks);
  for (block *b = dirty; b != NULL;) {
    block *const next = b->dirty == b ? NULL : b->dirty;
    put(&b->number, sizeof b->number);
    put(&b->runs, sizeof b->runs);
    put(&b->left, sizeof b->left);
    b->runs = 0;
    b->left = 0;
    b->dirty = NULL;
    b = next;
  }
  dirty = NULL;
  dirty_blocks = 0;
  fflush(out);
}

static void touch(block *b) {
  if (b->dirty == NULL) {
    b->dirty = dirty == NULL ? b : dirty;
    dirty = b;
    ++dirty_blocks;
  }
}

static void on_run(unsigned int cpu, void *user) {
  block *const b = user;
  (void)cpu;
  if (before != NULL && before->end != b->address) {
    touch(before);
    ++before->left;
  }
  if (b->marked) {
    write_mark();
  }
  touch(b);
  ++b->runs;
  before = b;
}

/*
 * Bytes of an instruction. Where the translator has looked ahead, QEMU counts what it saw to the instruction before: the place
 * of the next one says more, and of the last one its first half-word, from which a narrow Thumb instruction is known.
 */
static uint8_t size_of(const struct qemu_plugin_tb *tb, uint32_t k, uint32_t n) {
  const struct qemu_plugin_insn *const insn = qemu_plugin_tb_get_insn(tb, k);
  size_t size = qemu_plugin_insn_size(insn);
  if (k + 1u < n) {
    size = (size_t)(qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, k + 1u)) - qemu_plugin_insn_vaddr(insn));
  } else if (is_arm && size > 2u) {
    const uint8_t *const bytes = qemu_plugin_insn_data(insn);
    size = bytes[1] >> 3 < 0x1Du ? 2u : 4u;
  }
  return (uint8_t)size;
}

static void on_translate(plugin_id id, struct qemu_plugin_tb *tb) {
  const uint32_t n = (uint32_t)qemu_plugin_tb_n_insns(tb);
  block *const b = calloc(1, sizeof *b); /* kept for good: a block that is translated again gets a new number */
  (void)id;
  if (b == NULL) {
    exit(1);
  }
  b->number = blocks++;
  b->address = b->end = qemu_plugin_tb_vaddr(tb);
  b->marked = b->address == mark;
  put("B", 1);
  put(&b->number, sizeof b->number);
  put(&b->address, sizeof b->address);
  put(&n, sizeof n);
  for (uint32_t k = 0; k < n; ++k) {
    const struct qemu_plugin_insn *const insn = qemu_plugin_tb_get_insn(tb, k);
    const uint8_t size = size_of(tb, k, n);
    put(&size, 1);
    put(qemu_plugin_insn_data(insn), size);
    b->end += size;
  }
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_run, 0, b);
}

int qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc, char **argv) {
  is_arm = strcmp(info->target_name, "arm") == 0;
  for (int k = 0; k < argc; ++k) {
    if (strncmp(argv[k], "mark=", 5) == 0) {
      mark = strtoull(argv[k] + 5, NULL, 0);
    } else if (strncmp(argv[k], "out=", 4) == 0) {
      out = fopen(argv[k] + 4, "wb");
    }
  }
  if (out == NULL) {
    fputs("count: out=FILE is missing, or the file can not be written\n", stderr);
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  return 0;
}
