/** What an uploaded image may be. Apart from the processing, so that saying a limit doesn't load the image library. */

/**
 * As a header announces it. Cameras sold as 64 megapixels write up to 9280 × 6944; a bomb of 200 is refused from its
 * first bytes.
 */
export const MAX_INPUT_PIXELS = 66_000_000;
/** All frames together: they are encoded one by one, at about 8 megapixels a second. */
export const MAX_ANIMATION_PIXELS = 64_000_000;
export const MAX_FRAMES = 200;
