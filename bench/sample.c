/* sample.c: see sample.h. */
#include <math.h>
#include <unistd.h>
#include "sample.h"

void sample_derive(struct sample *out, const struct cpu_times *spent)
{
	double ours = 0, machine_s = out->seconds * (double)sysconf(_SC_NPROCESSORS_ONLN);

	out->per_s = out->requests / out->seconds;
	for (unsigned i = 0; i < CPU_PARTS; i++) {
		out->busy[i] = spent->s[i] / out->seconds;
		out->us[i] = out->requests > 0 ? spent->s[i] * 1e6 / out->requests : (double)NAN;
		ours += spent->s[i];
	}
	out->others = spent->machine_s > ours ? (spent->machine_s - ours) / machine_s : 0;
}
