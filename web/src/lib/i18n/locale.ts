/** The language of the texts and of the numbers and dates between them. One so far. */
export const locale = "en";
