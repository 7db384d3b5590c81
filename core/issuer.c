/*
 * issuer.c: issuing states and organisations as they stand in a machine-readable zone: ICAO Doc
 * 9303-3 section 5. It knows codes, not countries' names, and judges no document. Runs in the
 * workers, the library and the command line.
 *
 * Germany is "D" there, filled up with '<'; the ISO code DEU is taken as well, because readers that
 * normalise write it.
 */
#include <stdlib.h>
#include <string.h>
#include <timeglas/errors.h>
#include <timeglas/retention.h>

#define CODE 3

/* ISO 3166-1 alpha-3 (section 5, part A). Each table is sorted, for a binary search. */
static const char ISO[] = "ABWAFGAGOAIAALAALBANDAREARGARMASMATAATFATGAUSAUTAZEBDIBELBENBESBFABGDBGR"
			  "BHRBHSBIHBLMBLRBLZBMUBOLBRABRBBRNBTN"
			  "BVTBWACAFCANCCKCHECHLCHNCIVCMRCODCOGCOKCOLCOMCPVCRICUBCUWCXRCYMCYPCZEDEU"
			  "DJIDMADNKDOMDZAECUEGYERIESHESPESTETH"
			  "FINFJIFLKFRAFROFSMGABGBRGEOGGYGHAGIBGINGLPGMBGNBGNQGRCGRDGRLGTMGUFGUMGUY"
			  "HKGHMDHNDHRVHTIHUNIDNIMNINDIOTIRLIRN"
			  "IRQISLISRITAJAMJEYJORJPNKAZKENKGZKHMKIRKNAKORKWTLAOLBNLBRLBYLCALIELKALSO"
			  "LTULUXLVAMACMAFMARMCOMDAMDGMDVMEXMHL"
			  "MKDMLIMLTMMRMNEMNGMNPMOZMRTMSRMTQMUSMWIMYSMYTNAMNCLNERNFKNGANICNIUNLDNOR"
			  "NPLNRUNZLOMNPAKPANPCNPERPHLPLWPNGPOL"
			  "PRIPRKPRTPRYPSEPYFQATREUROURUSRWASAUSDNSENSGPSGSSHNSJMSLBSLESLVSMRSOMSPM"
			  "SRBSSDSTPSURSVKSVNSWESWZSXMSYCSYRTCA"
			  "TCDTGOTHATJKTKLTKMTLSTONTTOTUNTURTUVTWNTZAUGAUKRUMIURYUSAUZBVATVCTVENVGB"
			  "VIRVNMVUTWLFWSMYEMZAFZMBZWE";

/*
 * Section 5, parts B to D: the European Union, British statuses, ICAO's own, Kosovo, the United
 * Nations (UNK: its mission in Kosovo), the specimen state UTO, persons without a nationality (XXA
 * stateless, XXB refugee, XXC other refugee, XXX unspecified) and organisations: African
 * Development Bank, Afreximbank, CARICOM, Council of Europe, COMESA, SADC, ECOWAS, OECS,
 * Parliamentary Assembly of the Mediterranean, Order of Malta, Interpol.
 */
static const char ICAO[] =
	"EUEGBDGBNGBOGBPGBSIAORKSUNAUNKUNOUTOXBAXCCXCEXCOXDCXECXESXIMXMPXOMXPOXXAXXBXXCXXX";

/* Withdrawn from ISO 3166-1 (part E and ISO 3166-3), still found on documents that somebody may
 * hold. */
static const char WITHDRAWN[] = "ANTBURBYSCSKDDRFXXNTZROMSCGSUNTMPYMDYUGZAR";

static int compare(const void *key, const void *item)
{
	return memcmp(key, item, CODE);
}

static int listed(const char *table, size_t len, const char *code)
{
	return bsearch(code, table, len / CODE, CODE, compare) != NULL;
}

int tg_issuer_parse(const char *text, size_t n, char out[4])
{
	size_t fill = n;

	while (fill > 0 && text[fill - 1] == '<')
		fill--;
	if (fill == 1 && text[0] == 'D' && (n == 1 || n == CODE)) {
		memcpy(out, "D", 2);
		return 0;
	}
	if (n != CODE || fill != CODE)
		return TG_EISSUER;
	if (!listed(ISO, sizeof ISO - 1, text) && !listed(ICAO, sizeof ICAO - 1, text) &&
		!listed(WITHDRAWN, sizeof WITHDRAWN - 1, text))
		return TG_EISSUER;
	memcpy(out, text, CODE);
	out[CODE] = '\0';
	return 0;
}

enum tg_issuer_class tg_issuer_class(const char *code)
{
	/* One realm, one set of rules: Faroese and Greenlandic passports are Danish ones. */
	if (strcmp(code, "DNK") == 0 || strcmp(code, "FRO") == 0 || strcmp(code, "GRL") == 0)
		return TG_ISSUER_DANISH;
	return TG_ISSUER_OTHER;
}
