/* bench_plot.c - the SVG of bench_report.h: by hand, as it is a few rectangles and words, and any browser draws it. */
#include "cmd/bench_report.h"

#define WIDTH   890
#define TOP     104 /* of the first bar */
#define ROW     30
#define LEFT    304 /* where bars begin: behind the workloads' names */
#define LONGEST 330 /* bar; numbers stand behind it */

static void put_escaped(vecd_buf *out, const char *text) {
  for (; *text; text++) {
    if (*text == '&')
      vecd_buf_append_str(out, "&amp;");
    else if (*text == '<')
      vecd_buf_append_str(out, "&lt;");
    else
      vecd_buf_append_char(out, *text);
  }
}

static void begin_text(vecd_buf *out, double x, double y, int size, const char *more) {
  vecd_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\"%s>", x, y, size, more);
}
static void end_text(vecd_buf *out) { vecd_buf_append_str(out, "</text>\n"); }

static void put_head(const vecd_bench_report *r, vecd_buf *out) {
  const vecd_info *i = &r->info;
  begin_text(out, 20, 28, 17, " font-weight=\"bold\"");
  vecd_buf_append_str(out, "vecd bench: share of the multiply-add limit, ");
  put_escaped(out, r->model);
  vecd_buf_printf(out, " in %s", i->precision);
  end_text(out);
  begin_text(out, 20, 50, 12, " fill=\"#555\"");
  put_escaped(out, r->cpu);
  vecd_buf_printf(out, "; %s; %u thread%s; limit %.1f GFLOP/s (float32)", i->isa, i->threads, i->threads == 1 ? "" : "s",
                  r->limit_gflops);
  end_text(out);
  begin_text(out, 20, 67, 12, " fill=\"#555\"");
  vecd_buf_printf(out, "vecd %s; %s; medians of %zu rounds", vecd_version(), r->date, r->n_rounds);
  end_text(out);
}

static void put_line(double share, double most, double bottom, const char *colour, vecd_buf *out) {
  double x = LEFT + LONGEST * share / most;
  vecd_buf_printf(out, "<path d=\"M%.1f %dV%.1f\" stroke=\"%s\"/>\n", x, TOP - 6, bottom, colour);
  vecd_buf_printf(out, "<text x=\"%.1f\" y=\"%d\" font-size=\"11\" text-anchor=\"middle\">%g</text>\n", x, TOP - 11, share);
}

/* Few enough lines for their numbers; the limit's is red. */
static void put_scale(double most, double bottom, vecd_buf *out) {
  double step = 0.25;
  while (most / step > 8) step *= 2;
  for (int i = 0; i * step <= most; i++)
    if (i * step != 1) put_line(i * step, most, bottom, "#ccc", out);
  put_line(1, most, bottom, "#c0392b", out);
}

static void put_row(const vecd_bench_report *r, const vecd_bench_row *w, double most, double y, vecd_buf *out) {
  begin_text(out, 20, y + 15, 13, " font-weight=\"bold\"");
  vecd_buf_append_str(out, w->name);
  end_text(out);
  begin_text(out, 108, y + 15, 12, "");
  vecd_buf_append_str(out, w->what);
  end_text(out);
  if (w->is_left_out) {
    begin_text(out, LEFT + 8, y + 15, 12, " fill=\"#555\"");
    vecd_buf_printf(out, "left out: the model takes %u tokens", r->info.max_tokens);
  } else {
    vecd_buf_printf(out, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"#1f5f99\"/>\n", LEFT, y,
                    LONGEST * w->share / most, ROW - 9);
    begin_text(out, LEFT + LONGEST + 12, y + 15, 12, "");
    vecd_buf_printf(out, "%.3f (%.3f ms, %.0f tokens/s)", w->share, w->ms, w->tokens_per_s);
  }
  end_text(out);
}

void vecd_bench_report_svg(const vecd_bench_report *r, vecd_buf *out) {
  double most = 1, bottom = TOP + ROW * (double)r->n_rows;
  for (size_t i = 0; i < r->n_rows; i++)
    if (r->rows[i].share > most) most = r->rows[i].share;
  vecd_buf_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" font-family=\"sans-serif\">\n", WIDTH,
                  bottom + 12);
  vecd_buf_append_str(out, "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
  put_head(r, out);
  put_scale(most, bottom, out);
  for (size_t i = 0; i < r->n_rows; i++) put_row(r, &r->rows[i], most, TOP + ROW * (double)i, out);
  vecd_buf_append_str(out, "</svg>\n");
}
