/* tm/base.h's inline arithmetic over arrays, for tests/test_numerics.py. */
#include "tm/base.h"

void run_srdhm(const int32_t *a, const int32_t *b, int32_t *out, int32_t n);
void run_rdivpot(const int32_t *a, const int32_t *e, int32_t *out, int32_t n);
void run_requant(const int32_t *a, const int32_t *mult, const int32_t *shift, int32_t *out, int32_t n);
void run_requant_once(const int32_t *a, const int32_t *mult, const int32_t *shift, int32_t *out, int32_t n);
void run_add_wrap(const int32_t *a, const int32_t *b, int32_t *out, int32_t n);
void run_offset_clamp(const int32_t *q, const int32_t *zero_point, const int32_t *lo, const int32_t *hi, int32_t *out, int32_t n);

void run_srdhm(const int32_t *a, const int32_t *b, int32_t *out, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    out[k] = tm_srdhm(a[k], b[k]);
  }
}

void run_rdivpot(const int32_t *a, const int32_t *e, int32_t *out, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    out[k] = tm_rdivpot(a[k], e[k]);
  }
}

void run_requant(const int32_t *a, const int32_t *mult, const int32_t *shift, int32_t *out, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    out[k] = tm_requant(a[k], mult[k], shift[k]);
  }
}

void run_requant_once(const int32_t *a, const int32_t *mult, const int32_t *shift, int32_t *out, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    out[k] = tm_requant_once(a[k], mult[k], shift[k]);
  }
}

void run_add_wrap(const int32_t *a, const int32_t *b, int32_t *out, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    out[k] = tm_add_wrap_i32(a[k], b[k]);
  }
}

void run_offset_clamp(const int32_t *q, const int32_t *zero_point, const int32_t *lo, const int32_t *hi, int32_t *out, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    out[k] = tm_offset_clamp_i32(q[k], zero_point[k], lo[k], hi[k]);
  }
}
