/* echo: gives back what came, as what it came. The job to measure everything else with. */
#include "jobs/handlers.h"

int handler_echo(struct buzzer_job *job)
{
    return job->result(job, job->media_type, job->input, job->input_len) ? BUZZER_FAILED : BUZZER_DONE;
}
