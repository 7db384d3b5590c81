/* A server that looks for its libraries in a folder of its own first. Fault: has DT_RUNPATH
 * /opt/other. */
typedef int nothing;
